"""From a file to visible chunks. Imports `rag`, never `ui`."""

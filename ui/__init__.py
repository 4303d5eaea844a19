"""The faces of Footnote: command line, REST and the browser app."""

"""The stack of every LlamaIndex tutorial, as a program of its own: a folder in, seconds and peak memory out as JSON.

SimpleDirectoryReader, SentenceSplitter, HuggingFaceEmbedding and QdrantVectorStore on `QdrantClient(path=)`. Run by
`bench.tutorial`: `python stack.py DOCUMENTS MODEL STORE CHUNK_TOKENS`.
"""

from __future__ import annotations

import json
import resource
import sys
import time


def main() -> None:
    """Index the folder and print one line of JSON."""
    documents, model, store, chunk_tokens = sys.argv[1:5]
    started = time.monotonic()
    from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient
    from transformers import AutoTokenizer

    imported = time.monotonic()
    tokenizer = AutoTokenizer.from_pretrained(model)
    loaded = SimpleDirectoryReader(documents).load_data()
    parsed = time.monotonic()
    splitter = SentenceSplitter(chunk_size=int(chunk_tokens), chunk_overlap=0, tokenizer=tokenizer.tokenize)
    vectors = QdrantVectorStore(client=QdrantClient(path=store), collection_name="tutorial")
    nodes = splitter.get_nodes_from_documents(loaded)
    split = time.monotonic()
    embedder = HuggingFaceEmbedding(model_name=model, embed_batch_size=32, device="cpu")
    VectorStoreIndex(nodes, storage_context=StorageContext.from_defaults(vector_store=vectors), embed_model=embedder)
    ended = time.monotonic()
    print(
        json.dumps(
            {
                "seconds": ended - started,
                "imports": imported - started,
                "parse": parsed - imported,
                "split": split - parsed,
                "embed_and_store": ended - split,
                "pages": len(loaded),
                "chunks": len(nodes),
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()

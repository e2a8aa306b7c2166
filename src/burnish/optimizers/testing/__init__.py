"""The contract of every optimizer and a synthetic task to run one on. Shipped; needs pytest-asyncio."""

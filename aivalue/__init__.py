"""What the numbers mean. Folders are in the order data flows through them."""

__version__ = "0.1.0"

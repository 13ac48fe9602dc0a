"""The Hugging Face Hub: what it says of a model, and publishing one with what was measured."""

"""What the Hugging Face Hub says of a model."""

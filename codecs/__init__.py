"""Formats and codecs: translation over batches of frames."""

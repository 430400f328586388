"""The voice plane: tables over batches of frames.  It knows no IAX2."""

"""The .conf dialect: reader, diagnostics, shipped samples."""

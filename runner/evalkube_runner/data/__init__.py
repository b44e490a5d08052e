"""Sources of questions and prompts: hubs, local files, our own samples. Nothing here asks a model."""

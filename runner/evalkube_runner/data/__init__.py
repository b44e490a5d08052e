"""Where questions and prompts come from: hubs, local files, our own samples. Nothing here asks a model anything."""

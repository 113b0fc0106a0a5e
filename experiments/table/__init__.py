"""The page of results, made from what the experiments left."""

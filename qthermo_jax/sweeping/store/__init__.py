"""Files of results: parts, views, whole files, what is taken over from them."""

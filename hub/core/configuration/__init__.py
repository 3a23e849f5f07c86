"""Settings of connections and switches of plugins, live in every process."""

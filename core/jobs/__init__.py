"""Who runs what, where: a queue, slots, and worker processes. Knows only the store and ids."""

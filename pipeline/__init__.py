"""The frame: reads, distributes, counts and writes; knows stages, filters and languages by name only."""

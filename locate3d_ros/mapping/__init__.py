"""FrameFeatures -> VoxelFeatureMap -> MapSnapshot, and map files."""

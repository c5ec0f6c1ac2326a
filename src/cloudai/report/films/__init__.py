"""Show what was found in the frames of videos: as a video with boxes and bars, as moments, and as a page over time."""

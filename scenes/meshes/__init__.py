"""Triangle meshes: files, pictures, and the free space between them."""

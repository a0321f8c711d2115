"""The parts of `make_room.py`: shapes, surfaces, furniture, light and cameras of an invented living room.

World: right-handed, +z up, metres; the floor is z = 0 and the room spans [0, width] x [0, depth] x [0, height].
"""

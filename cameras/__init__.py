"""Where is the camera, what lens does it wear, and which way may it fly?"""

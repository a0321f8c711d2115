"""The constants of what splatting means here, shared by the reference and the engines."""

NEAR_Z = 0.01  # centres nearer than this along the optical axis are not drawn, in scene units
LOW_PASS = 0.3  # variance of the low-pass filter, in square pixels
CLAMP = 1.3  # the Jacobian is taken at most this many half image sizes off the axis: farther out it explodes
ALPHA_MAX = 0.99
ALPHA_MIN = 1 / 255  # fainter is not drawn
TRANSMITTANCE_MIN = 1e-4  # a pixel is finished once it lets through no more than this
ALPHA_EPSILON = 1e-6  # expected depth is divided by at least this
MARGIN = 1.0  # centres more than this many image sizes outside of the image are not drawn

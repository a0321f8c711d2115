"""One triangle against a point and against a cube, compiled; both are exact but for rounding."""

import math

from numba import njit


@njit(cache=True, inline="never")
def nearest_on_triangle(p, a, b, c):  # type: ignore[no-untyped-def]
    """(squared distance, x, y, z) of the point of triangle abc that is nearest to p; all [3].

    By the region of the triangle's corners, sides and face that p lies in front of (Ericson, Real-Time Collision
    Detection, 2004, section 5.1.5).
    """
    abx, aby, abz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    acx, acy, acz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    apx, apy, apz = p[0] - a[0], p[1] - a[1], p[2] - a[2]
    bpx, bpy, bpz = p[0] - b[0], p[1] - b[1], p[2] - b[2]
    cpx, cpy, cpz = p[0] - c[0], p[1] - c[1], p[2] - c[2]
    ab_ap, ac_ap = abx * apx + aby * apy + abz * apz, acx * apx + acy * apy + acz * apz
    ab_bp, ac_bp = abx * bpx + aby * bpy + abz * bpz, acx * bpx + acy * bpy + acz * bpz
    ab_cp, ac_cp = abx * cpx + aby * cpy + abz * cpz, acx * cpx + acy * cpy + acz * cpz
    to_c, to_b, to_a = ab_ap * ac_bp - ab_bp * ac_ap, ab_cp * ac_ap - ab_ap * ac_cp, ab_bp * ac_cp - ab_cp * ac_bp
    if ab_ap <= 0 and ac_ap <= 0:
        v, w = 0.0, 0.0
    elif ab_bp >= 0 and ac_bp <= ab_bp:
        v, w = 1.0, 0.0
    elif ac_cp >= 0 and ab_cp <= ac_cp:
        v, w = 0.0, 1.0
    elif to_c <= 0 and ab_ap >= 0 and ab_bp <= 0:
        v, w = ab_ap / (ab_ap - ab_bp), 0.0
    elif to_b <= 0 and ac_ap >= 0 and ac_cp <= 0:
        v, w = 0.0, ac_ap / (ac_ap - ac_cp)
    elif to_a <= 0 and ac_bp >= ab_bp and ab_cp >= ac_cp:
        w = (ac_bp - ab_bp) / ((ac_bp - ab_bp) + (ab_cp - ac_cp))
        v = 1.0 - w
    else:
        whole = to_a + to_b + to_c
        v, w = to_b / whole, to_c / whole
    x, y, z = a[0] + v * abx + w * acx, a[1] + v * aby + w * acy, a[2] + v * abz + w * acz
    dx, dy, dz = p[0] - x, p[1] - y, p[2] - z
    return dx * dx + dy * dy + dz * dz, x, y, z


@njit(cache=True, inline="never")
def _is_apart(x, y, z, a, b, c, half):  # type: ignore[no-untyped-def]
    """Whether the axis (x, y, z) separates triangle abc from the cube of half an edge ``half`` about the origin."""
    pa, pb, pc = x * a[0] + y * a[1] + z * a[2], x * b[0] + y * b[1] + z * b[2], x * c[0] + y * c[1] + z * c[2]
    reach = half * (abs(x) + abs(y) + abs(z))
    return min(pa, pb, pc) > reach or max(pa, pb, pc) < -reach


@njit(cache=True, inline="never")
def touches_cube(a, b, c, half):  # type: ignore[no-untyped-def]
    """Whether triangle abc touches the cube of half an edge ``half`` about the origin, its surface included.

    They are apart if one of thirteen axes separates them: the cube's three, the triangle's normal, and the products of
    their sides (Akenine-Moeller, Fast 3D Triangle-Box Overlap Testing, 2001).
    """
    for k in range(3):
        if min(a[k], b[k], c[k]) > half or max(a[k], b[k], c[k]) < -half:
            return False
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - b[0], c[1] - b[1], c[2] - b[2]
    if _is_apart(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx, a, b, c, half):
        return False
    for x, y, z in ((ux, uy, uz), (vx, vy, vz), (a[0] - c[0], a[1] - c[1], a[2] - c[2])):
        if _is_apart(0.0, -z, y, a, b, c, half) or _is_apart(z, 0.0, -x, a, b, c, half):
            return False
        if _is_apart(-y, x, 0.0, a, b, c, half):
            return False
    return True


def corner_distance(voxel: float) -> float:
    """From the centre of a cube to its corners: nothing that touches the cube is farther."""
    return voxel * math.sqrt(0.75)

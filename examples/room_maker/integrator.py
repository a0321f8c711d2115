"""A path tracer for rooms lit through windows. Rays that miss the room see the sky panorama.

Import it only after a Mitsuba variant is set: its types are looked up at definition.
"""

from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np

from .room import Room

CLAMP = 12.0


class WindowLight(mi.SamplingIntegrator):
    """Sky sampled through the windows (with multiple importance sampling), sun and lamps by shadow rays.

    `sky_seen` dims the sky for rays that come straight from the lens, as bracketed exposures do.
    With `bounces` 1 only the guides are of use.
    Image layers: radiance, albedo and normal at the first hit (three channels each). Light arriving after the first
    bounce is clamped at `CLAMP` per channel, which trades a little energy for the absence of fireflies.
    """

    def __init__(self, room: Room, sky_seen: float, bounces: int) -> None:
        super().__init__(mi.Properties())
        self.sky_seen, self.bounces = sky_seen, bounces
        self.sky = mi.Texture2f(  # pyright: ignore[reportCallIssue]
            mi.TensorXf(np.ascontiguousarray(room.panorama, np.float32)), wrap_mode=dr.WrapMode.Repeat
        )
        self.windows = [
            (
                mi.Point3f(w.corner.tolist()),
                mi.Vector3f(w.edge_u.tolist()),
                mi.Vector3f(w.edge_v.tolist()),
                mi.Normal3f(w.outward.tolist()),
                w.area,
            )
            for w in room.openings
        ]
        self.sun_frame = mi.Frame3f(mi.Vector3f(room.sun_direction.tolist()))
        self.sun_colour = mi.Color3f(room.sun_irradiance.tolist())
        self.cos_sun = float(np.cos(room.sun_radius_rad))

    def aov_names(self) -> list[str]:
        return [f"{layer}.{channel}" for layer in ("albedo", "normal") for channel in "RGB"]

    def sky_radiance(self, d: Any) -> Any:
        u = dr.atan2(d.y, d.x) * dr.inv_two_pi
        v = dr.acos(dr.clip(d.z, -1, 1)) * dr.inv_pi
        return mi.Color3f(self.sky.eval(mi.Point2f(u, v)))

    def window_pdf(self, origin: Any, d: Any) -> Any:
        total = mi.Float(0)
        for corner, edge_u, edge_v, outward, area in self.windows:
            cosine = dr.dot(d, outward)
            t = dr.dot(corner - origin, outward) / cosine
            local = origin + t * d - corner
            a = dr.dot(local, edge_u) / dr.squared_norm(edge_u)
            b = dr.dot(local, edge_v) / dr.squared_norm(edge_v)
            inside = (t > 0) & (cosine > 1e-4) & (a >= 0) & (a <= 1) & (b >= 0) & (b <= 1)
            total += dr.select(inside, t * t / (cosine * area * len(self.windows)), 0)
        return total

    def sample_window(self, origin: Any, pick: Any, uv: Any) -> tuple[Any, Any]:
        count = len(self.windows)
        target = mi.Point3f(0)
        for k, (corner, edge_u, edge_v, _, _) in enumerate(self.windows):
            chosen = (pick >= k / count) & (pick < (k + 1) / count)
            target = dr.select(chosen, corner + uv.x * edge_u + uv.y * edge_v, target)
        d = dr.normalize(target - origin)
        return d, self.window_pdf(origin, d)

    @dr.syntax
    def sample(self, scene: Any, sampler: Any, ray: Any, medium: Any = None, active: Any = True) -> Any:
        ctx = mi.BSDFContext()
        ray = mi.Ray3f(ray)
        active = mi.Bool(active)
        light, beta = mi.Color3f(0), mi.Color3f(1)
        albedo, normal = mi.Color3f(0), mi.Normal3f(0)
        depth, pdf_before, sharp = mi.UInt32(0), mi.Float(1), mi.Bool(True)
        before = dr.zeros(mi.Interaction3f)
        valid = mi.Bool(False)
        while dr.hint(active, label="bounces"):
            si = scene.ray_intersect(ray, active)
            hit = active & si.is_valid()
            gain = mi.Color3f(0)
            # The sky, found by following the surface's own scattering.
            window = self.window_pdf(ray.o, ray.d)
            weight = dr.select(sharp, self.sky_seen, pdf_before / dr.maximum(pdf_before + window, 1e-9))
            gain += dr.select(active & ~hit, beta * weight * self.sky_radiance(ray.d), 0)
            # Lamps, likewise.
            emitter = si.emitter(scene)
            ds = mi.DirectionSample3f(scene, si, before)
            lamp_pdf = scene.pdf_emitter_direction(before, ds, hit & ~sharp) * 0.3
            weight = dr.select(sharp, 1.0, pdf_before / dr.maximum(pdf_before + lamp_pdf, 1e-9))
            gain += dr.select(hit, beta * weight * emitter.eval(si, hit), 0)

            bsdf = si.bsdf()
            first = hit & (depth == 0)
            valid |= first
            reflectance = bsdf.eval_diffuse_reflectance(si, first)
            mirror = mi.has_flag(bsdf.flags(), mi.BSDFFlags.DeltaReflection)
            albedo = dr.select(first, dr.select(mirror, mi.Color3f(0.9), reflectance), albedo)
            albedo = dr.select(active & ~hit & (depth == 0), mi.Color3f(1), albedo)
            normal = dr.select(first, si.sh_frame.n, normal)
            active = hit & (depth + 1 < self.bounces)
            soft = active & mi.has_flag(bsdf.flags(), mi.BSDFFlags.Smooth)

            # Shadow ray to a point of a window: what lies beyond it in that direction is sky.
            d, pdf = self.sample_window(si.p, sampler.next_1d(active), sampler.next_2d(active))
            value, pdf_bsdf = bsdf.eval_pdf(ctx, si, si.to_local(d), soft)
            useful = soft & (pdf > 0) & (dr.max(value) > 0)
            useful &= ~scene.ray_test(si.spawn_ray(d), useful)
            gain += dr.select(useful, beta * value * self.sky_radiance(d) / (pdf + pdf_bsdf), 0)

            # A second one to the sun (7 in 10) or to a lamp.
            to_sun = sampler.next_1d(active) < 0.7
            uv = sampler.next_2d(active)
            d_sun = self.sun_frame.to_world(mi.warp.square_to_uniform_cone(uv, self.cos_sun))  # pyright: ignore[reportArgumentType]
            ds, lamp = scene.sample_emitter_direction(si, uv, False, soft & ~to_sun)
            d = dr.select(to_sun, d_sun, ds.d)
            value, pdf_bsdf = bsdf.eval_pdf(ctx, si, si.to_local(d), soft)
            lamp = lamp * ds.pdf / dr.maximum(0.3 * ds.pdf + pdf_bsdf, 1e-9)
            incoming = dr.select(to_sun, self.sun_colour / 0.7, lamp)
            useful = soft & (dr.max(value * incoming) > 0) & (to_sun | (ds.pdf > 0))
            shadow = dr.select(to_sun, si.spawn_ray(d), si.spawn_ray_to(ds.p))
            useful &= ~scene.ray_test(shadow, useful)
            gain += dr.select(useful, beta * value * incoming, 0)
            light += dr.select(depth == 0, gain, dr.minimum(gain, CLAMP))

            # The next bounce, with Russian roulette.
            scattered, strength = bsdf.sample(ctx, si, sampler.next_1d(active), sampler.next_2d(active), active)
            beta *= dr.select(active, strength, 1)
            before = mi.Interaction3f(si)
            pdf_before = scattered.pdf
            sharp = mi.has_flag(scattered.sampled_type, mi.BSDFFlags.Delta)
            ray = si.spawn_ray(si.to_world(scattered.wo))
            depth += 1
            survive = dr.select(depth > 1, dr.minimum(dr.max(beta), 0.92), 1.0)
            active &= (sampler.next_1d(active) < survive) & (dr.max(beta) > 1e-4)
            beta /= dr.maximum(survive, 1e-6)
        return light, valid, [albedo.x, albedo.y, albedo.z, normal.x, normal.y, normal.z]

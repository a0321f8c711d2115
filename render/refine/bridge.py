"""The embedded model: a small diffusion bridge from a render to the photo of the same view.

Between photo (sigma = 0) and source (sigma = 1) lies x = (1 - sigma) photo + sigma source, the path of flow matching
(Lipman et al. 2023, "Flow Matching for Generative Modeling", with data instead of noise at one end as in Albergo &
Vanden-Eijnden 2023, "Stochastic Interpolants"; diffusers' ``FlowMatchEulerDiscreteScheduler``). The source is the
render, with noise that belongs to the surface where nothing was seen. The model says the velocity, source - photo.
One step from sigma = 1 gives the mean of all photos that fit: a restorer. Two to four steps add detail.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from .features import CHANNELS, DIFFERENCE_SCALE

HOLE_NOISE = 0.2
"""Of the source where nothing is seen, in the range of colours."""
_VELOCITY_SCALE = 0.25
_EXTRA = 3 + 4 + 1  # x_sigma; the frame before (difference to the render, valid); noise


@dataclass(frozen=True)
class BridgeConfig:
    """Of the network: diffusers' ``UNet2DModel`` on blocks of pixels.

    Attributes:
        block: pixels a side that become channels in front of the network, and pixels again behind it.
        channels: of its levels; each but the first halves the sides.
        layers: residual blocks a level.
    """

    block: int = 4
    channels: tuple[int, ...] = (48, 96, 128)
    layers: int = 1

    @property
    def multiple(self) -> int:
        """Sides are padded to a multiple of this."""
        return self.block * 2 ** (len(self.channels) - 1)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class Bridge(nn.Module):
    """The velocity of the bridge. Untrained it is 0, which leaves the render as it is.

    Args of the call, all float32:
        x: [B, 3, H, W] the state.
        known: [B, 15, H, W] ``features``.
        previous: [B, 4, H, W] the frame before minus the render (times ``DIFFERENCE_SCALE``), and where it is valid.
        noise: [B, 1, H, W].
        sigma: [B].
    """

    def __init__(self, config: BridgeConfig | None = None) -> None:
        super().__init__()
        from diffusers.models.unets.unet_2d import UNet2DModel

        self.config = config or BridgeConfig()
        levels = len(self.config.channels)
        per_block = self.config.block**2
        self.net: Any = UNet2DModel(
            in_channels=(CHANNELS + _EXTRA) * per_block,
            out_channels=3 * per_block,
            block_out_channels=self.config.channels,
            layers_per_block=self.config.layers,
            down_block_types=("DownBlock2D",) * levels,
            up_block_types=("UpBlock2D",) * levels,
            add_attention=False,
            norm_num_groups=8,
        )
        nn.init.zeros_(self.net.conv_out.weight)
        nn.init.zeros_(self.net.conv_out.bias)
        self.net.to(memory_format=torch.channels_last)  # 0.7 of the time on a CPU

    def forward(self, x: Tensor, known: Tensor, previous: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
        given = torch.cat([2 * x - 1, known, previous, noise], dim=1)
        height, width = given.shape[2:]
        multiple = self.config.multiple
        given = pad(given, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        blocks = pixel_unshuffle(given, self.config.block).contiguous(memory_format=torch.channels_last)
        found = self.net(blocks, 1000 * sigma).sample
        return _VELOCITY_SCALE * pixel_shuffle(found, self.config.block)[:, :, :height, :width]


def source_of(known: Tensor, noise: Tensor) -> Tensor:
    """[B, 3, H, W] where the bridge begins: the render, and noise where it shows nothing."""
    return render_of(known) + HOLE_NOISE * (1 - alpha_of(known)) * noise


def render_of(known: Tensor) -> Tensor:
    """[B, 3, H, W] the render among the features."""
    return 0.5 * known[:, :3] + 0.5


def alpha_of(known: Tensor) -> Tensor:
    """[B, 1, H, W]."""
    return 0.5 * known[:, 3:4] + 0.5


def previous_of(before: Tensor, valid: Tensor, known: Tensor) -> Tensor:
    """[B, 4, H, W] what ``Bridge`` wants of the frame before [B, 3, H, W], where valid [B, 1, H, W]."""
    return torch.cat([DIFFERENCE_SCALE * valid * (before - render_of(known)), valid], dim=1)


def restored(model: Bridge, known: Tensor, previous: Tensor, noise: Tensor, steps: int = 1) -> Tensor:
    """[B, 3, H, W] the model's photo, not clamped: from the source along the bridge in equal steps of sigma."""
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    scheduler: Any = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=[1 - step / steps for step in range(steps)])
    x = source_of(known, noise)
    for time, sigma in zip(scheduler.timesteps, scheduler.sigmas, strict=False):
        velocity = model(x, known, previous, noise, sigma.expand(len(x)))
        x = scheduler.step(velocity, time, x, return_dict=False)[0]
    return x

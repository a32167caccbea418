"""Every row of the tables of architectures and backbones: it trains, and survives a file."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest

from core.config import ARCHITECTURES, CNNConfig, MLPConfig, ModelConfig, RunConfig
from core.config_models import (
    BACKBONES,
    ConvNeXtConfig,
    FastConfig,
    MixerConfig,
    ResNetConfig,
    TransferConfig,
    WideResNetConfig,
    same_setting,
)
from core.config_models.transfer import MOBILENET_PARAMETERS
from core.errors import ConfigError, RunError, StoreError
from core.fitting import ImageShape, check_fits, fitting_patches, hidden_parameters
from core.models import build_model
from core.models.resnet34 import torch_name
from core.models.safetensors import read_safetensors
from core.models.summary import layer_table
from core.models.transfer import (
    APPLICATIONS,
    FEATURES,
    RECIPES,
    application,
    backbone_layers,
    blocks_of,
    set_frozen,
)
from core.models.weights import find_weights, load_pretrained
from core.precision import precision, to_keep
from core.presets import PRESETS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TINY: list[ModelConfig] = [
    MLPConfig(layers=2, units=8, unit_factor=0.5, input_dropout=0.1, l1=0.001),
    CNNConfig(blocks=2, filters=2, growth=1.5, pooling="stride", head="global_max", dense_units=0),
    CNNConfig(
        blocks=2,
        convs_per_block=2,
        filters=2,
        pooling="stride",
        dense_units=8,
        dense_layers=3,
        dense_factor=0.5,
        conv_dropout=0.2,
        conv_dropout_after="convolution",
        spatial_dropout=True,
    ),
    ResNetConfig(depth=8, stem_filters=2),
    WideResNetConfig(depth=10, widen=1, block_dropout=0.2, l2=0.001),
    FastConfig(fast_width=8, fast_residual=True),
    FastConfig(fast_width=8, dropout=0.1),
    ConvNeXtConfig(channels=4, stages=2, blocks_per_stage=1, depthwise_kernel=3),
    MixerConfig(patch=4, mixer_blocks=1, mixer_width=8, token_units=4, channel_units=8),
    TransferConfig(input_size=32, weights="none", head_units=4),
]
SHAPE: ImageShape = (8, 8, 3)
RNG = np.random.default_rng(0)
Images = npt.NDArray[np.uint8]


def pixels(shape: ImageShape, n: int = 4) -> Images:
    return RNG.integers(0, 256, (n, *shape)).astype(np.uint8)


def train(model: keras.Model, images: Images, steps: int) -> None:
    """Without tracing: a step of the larger ones is compiled for a minute, and run in a second."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss, run_eagerly=True)
    labels = np.arange(len(images)) % 3
    before = [np.array(w) for w in model.trainable_weights]
    for _ in range(steps):
        assert np.isfinite(model.train_on_batch(images, labels))
    after = [np.array(w) for w in model.trainable_weights]
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


def assert_survives_a_file(model: keras.Model, images: Images, folder: Path) -> None:
    expected = np.asarray(model(images, training=False))
    assert expected.std() > 0
    model.save(folder / "model.keras")
    again = keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(np.asarray(again(images, training=False)), expected)


def test_every_architecture_has_its_row_here() -> None:
    assert {c.architecture for c in TINY} == set(ARCHITECTURES)
    assert set(RECIPES) == set(BACKBONES) == {*APPLICATIONS, "resnet34"}


@pytest.mark.parametrize("config", TINY, ids=lambda c: c.architecture)
def test_every_architecture_trains_saves_loads_and_predicts_the_same(
    config: ModelConfig, tmp_path: Path
) -> None:
    model = build_model(config, SHAPE, 3)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    train(model, pixels(SHAPE), steps=2)
    assert_survives_a_file(model, pixels(SHAPE), tmp_path)
    rows = layer_table(config, SHAPE, 3)
    assert sum(row.parameters for row in rows) == model.count_params()
    assert all(len(row) == 5 for row in rows)


@pytest.mark.parametrize("config", TINY, ids=lambda c: c.architecture)
def test_every_architecture_computes_in_16_bits_and_is_kept_in_32(config: ModelConfig) -> None:
    run = RunConfig(model=config).with_values({"train.precision": "on"})
    with precision(run):
        model = build_model(config, SHAPE, 3)
    assert {layer.compute_dtype for layer in model.layers} > {"bfloat16"}
    kept = to_keep(model)
    assert {layer.compute_dtype for layer in kept.layers} == {"float32"}
    for mine, theirs in zip(kept.weights, model.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_multiply_adds_of_a_resnet_20() -> None:
    """40.8 million on 32×32 pixels, as is known."""
    rows = layer_table(ResNetConfig(depth=20), (32, 32, 3), 10)
    assert sum(row.multiply_adds for row in rows) == pytest.approx(40.8e6, rel=0.001)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_trains_its_head_and_survives_a_file(backbone: str, tmp_path: Path) -> None:
    config = TransferConfig.model_validate({"backbone": backbone, "input_size": 32, "alpha": 0.5})
    shape = (32, 32, 1)
    model = build_model(config, shape, 3)
    set_frozen(model, config, frozen=True)
    frozen = [np.array(w) for layer in backbone_layers(model) for w in layer.weights]
    train(model, pixels(shape), steps=1)
    kept = [np.array(w) for layer in backbone_layers(model) for w in layer.weights]
    # Also the running means: a frozen normalisation works as in inference.
    assert all((a == b).all() for a, b in zip(frozen, kept, strict=True))
    assert_survives_a_file(model, pixels(shape), tmp_path)
    expected = MOBILENET_PARAMETERS["0.5"] if backbone == "mobilenet_v2" else config.row.parameters
    # Keras counts 6,624 factors of ConvNeXt's channels that are part of other weights here.
    behind = {"convnext_tiny": 6624 + 2 * 768}.get(backbone, 0)
    assert sum(w.size for w in frozen) == expected - behind
    assert model.get_layer(FEATURES).output.shape == (None, config.row.channels)


@pytest.mark.parametrize("config", TINY[:-1], ids=lambda c: c.architecture)
@pytest.mark.parametrize("shape", [(8, 8, 3), (28, 28, 1), (20, 12, 3)])
def test_the_estimate_counts_all_kernels(config: ModelConfig, shape: ImageShape) -> None:
    hidden = build_model(config, shape, 2).layers[:-1]
    kernels = [w for layer in hidden for w in layer.weights if "kernel" in w.name]
    assert hidden_parameters(config, shape) == sum(int(np.prod(w.shape)) for w in kernels)


def counted(config: ModelConfig, kind: str) -> int:
    names = (type(layer).__name__ for layer in build_model(config, (28, 28, 1), 10).layers)
    return sum(name == kind for name in names)


@pytest.mark.parametrize(
    ("preset", "counts"),
    [
        ("fashion-1conv", {"Conv2D": 1, "MaxPooling2D": 1, "Dense": 2, "Dropout": 1}),
        (
            "fashion-4conv",
            {"Conv2D": 4, "MaxPooling2D": 2, "Dense": 3, "Dropout": 5, "BatchNormalization": 6},
        ),
        ("animals", {"Conv2D": 2, "MaxPooling2D": 2, "Dense": 2, "Dropout": 1}),
        ("resnet20", {"Conv2D": 1 + 18 + 2, "Dense": 1}),
        ("wrn-16-4", {"Conv2D": 1 + 12 + 3, "Dense": 1}),
    ],
)
def test_presets_have_the_layers_that_they_are_known_for(
    preset: str, counts: dict[str, int]
) -> None:
    model = RunConfig().with_values(PRESETS[preset].settings).model
    assert {kind: counted(model, kind) for kind in counts} == counts


def refused(config: ModelConfig, shape: ImageShape = (32, 32, 3)) -> str:
    with pytest.raises(ConfigError) as caught:
        build_model(config, shape, 10)
    return str(caught.value)


def test_what_cannot_be_built_is_refused_with_a_reason() -> None:
    assert "would fit: 1, 2, 4, 7" in refused(MixerConfig(patch=8), (28, 28, 1))
    assert "at least 32×32 pixels, and would receive 28×28" in refused(
        TransferConfig(input_size=0), (28, 28, 1)
    )
    assert "would receive 16×16" in refused(TransferConfig(input_size=16))
    assert "At most 3 blocks would fit" in refused(CNNConfig(blocks=4, pooling="stride"), (8, 8, 3))
    for too_large in (
        WideResNetConfig(depth=40, widen=12),
        ResNetConfig(depth=56, stem_filters=256),
        ConvNeXtConfig(stages=4, channels=256),
        MLPConfig(layers=8, units=4096, unit_factor=2),
        TransferConfig(backbone="resnet50", head_units=4096, weights="none").model_copy(
            update={"head_units": 20_000}
        ),
    ):
        assert "at most 50 million" in refused(too_large)
    check_fits(TransferConfig(input_size=32), (8, 8, 1))
    assert fitting_patches((30, 20, 3)) == [1, 2]


def test_a_setting_is_the_same_where_it_is_explained_the_same() -> None:
    assert same_setting("dropout", CNNConfig, ConvNeXtConfig)
    assert same_setting("batch_norm", CNNConfig, MLPConfig)
    assert not same_setting("depth", ResNetConfig, WideResNetConfig)
    wide = RunConfig().with_values({"model.architecture": "resnet", "model.depth": 56})
    assert wide.with_values({"model.architecture": "wide_resnet"}).model == WideResNetConfig(
        dropout=0.3
    )


def test_blocks_are_told_apart_and_the_last_ones_learn() -> None:
    config = TransferConfig(input_size=32, unfreeze_blocks=2)
    model = build_model(config, SHAPE, 3)
    layers = backbone_layers(model)
    order = list(dict.fromkeys(blocks_of(config, layers)))
    assert order == ["", "expanded_conv", *(f"block_{n}" for n in range(1, 17))]
    set_frozen(model, config, frozen=False)
    learning = {layer.name for layer in layers if layer.trainable and layer.weights}
    assert "block_15_expand" in learning
    assert "Conv_1" in learning  # between the last block and the features
    assert not {name for name in learning if "block_14" in name or name.endswith("BN")}
    set_frozen(model, config.model_copy(update={"tune_norm": True}), frozen=False)
    assert {layer.name for layer in layers if layer.trainable} >= {"block_15_project_BN"}


class TestWeights:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LIENZO_WEIGHTS_DIR", str(tmp_path))
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    @pytest.mark.parametrize(
        ("backbone", "alpha", "name"),
        [
            ("mobilenet_v2", "0.35", "mobilenet_v2_0.35_224_notop.weights.h5"),
            ("mobilenet_v2", "1.0", "MobileNetV2.h5"),
            ("resnet50", "1.0", "my-resnet50.h5"),
            ("resnet34", "1.0", "resnet34.a1_in1k.safetensors"),
            ("efficientnet_v2_b0", "1.0", "efficientnetv2-b0_notop.h5"),
        ],
    )
    def test_a_file_is_found_by_the_backbone_in_its_name(
        self, tmp_path: Path, backbone: str, alpha: str, name: str
    ) -> None:
        for other in ("resnet50v2.h5", "mobilenet_v2_1.4_224.h5", "resnet50.txt", "notes"):
            (tmp_path / other).touch()
        config = TransferConfig.model_validate({"backbone": backbone, "alpha": alpha})
        assert find_weights(config) is None
        (tmp_path / name).touch()
        assert find_weights(config) == tmp_path / name
        (tmp_path / config.file_name).touch()
        assert find_weights(config) == tmp_path / config.file_name

    def test_weights_arrive_and_colours_are_taken_as_the_backbone_wants_them(
        self, tmp_path: Path
    ) -> None:
        config = TransferConfig(backbone="resnet50", input_size=0)
        donor = application(config)
        donor.save_weights(tmp_path / "resnet50.weights.h5")
        model = build_model(config, (64, 64, 3), 3)
        load_pretrained(model, config)
        images = pixels((64, 64, 3), 2).astype(np.float32)
        features = keras.Model(model.input, model.get_layer(FEATURES).output)(images)
        prepared = keras.applications.resnet50.preprocess_input(images.copy())
        whole = keras.applications.ResNet50(include_top=False, weights=None, pooling="avg")
        whole.set_weights(donor.get_weights())
        expected = np.asarray(whole(prepared))
        np.testing.assert_allclose(features, expected, rtol=1e-2, atol=1e-3 * expected.max())

    def test_a_file_of_another_network_is_named(self, tmp_path: Path) -> None:
        other = TransferConfig(alpha="0.5")
        application(other).save_weights(tmp_path / "mobilenet_v2.weights.h5")
        model = build_model(TransferConfig(input_size=32), SHAPE, 3)
        with pytest.raises(RunError, match=r"mobilenet_v2\.weights\.h5 does not hold the weights"):
            load_pretrained(model, TransferConfig())
        (tmp_path / "mobilenet_v2.weights.h5").write_bytes(b"no file at all")
        with pytest.raises(RunError, match="does not hold the weights of MobileNetV2"):
            load_pretrained(model, TransferConfig())

    def test_without_internet_the_file_and_its_place_are_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def offline(*_args: object, **_kwargs: object) -> None:
            raise OSError("no route to host")

        monkeypatch.setattr(keras.applications, "MobileNetV2", offline)
        with pytest.raises(RunError, match="no route to host") as caught:
            load_pretrained(keras.Sequential(), TransferConfig())
        assert "kernels_0.35_224_no_top.h5" in str(caught.value.remedy)
        assert str(tmp_path) in str(caught.value.remedy)


def write_safetensors(file: Path, tensors: dict[str, npt.NDArray[np.float32]]) -> None:
    header, body = {}, b""
    for name, values in tensors.items():
        place = [len(body), len(body) + values.nbytes]
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": place}
        body += values.tobytes()
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + body)


def resnet34_names() -> list[str]:
    """As PyTorch has them, written down here without a look at our layers."""
    norm = ("weight", "bias", "running_mean", "running_var")
    names = ["conv1.weight", *(f"bn1.{part}" for part in norm)]
    for stage, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            where = f"layer{stage}.{block}"
            for n in (1, 2):
                names += [f"{where}.conv{n}.weight", *(f"{where}.bn{n}.{part}" for part in norm)]
            if stage > 1 and not block:
                names.append(f"{where}.downsample.0.weight")
                names += [f"{where}.downsample.1.{part}" for part in norm]
    return names


def torch_shape(name: str) -> tuple[int, ...]:
    if name.startswith(("conv1", "bn1")):
        return (64, 3, 7, 7) if "conv" in name else (64,)
    stage, block = int(name[5]), int(name[7])
    out = 32 * 2**stage
    before = out if block or stage == 1 else out // 2
    if "downsample.0" in name:
        return (out, before, 1, 1)
    if "conv1" in name:
        return (out, before, 3, 3)
    return (out, out, 3, 3) if "conv2" in name else (out,)


@pytest.fixture(scope="module")
def tensors() -> dict[str, npt.NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    return {n: rng.random(torch_shape(n), dtype=np.float32) for n in resnet34_names()}


@pytest.fixture(scope="module")
def config() -> TransferConfig:
    return TransferConfig(backbone="resnet34", input_size=32)


@pytest.fixture(scope="module")
def resnet34(config: TransferConfig) -> keras.Model:
    """With any weights: every test puts in those that it looks at."""
    return build_model(config, (32, 32, 3), 3)


class TestResNet34:
    def test_a_file_of_pytorch_reaches_every_layer(
        self,
        tensors: dict[str, npt.NDArray[np.float32]],
        config: TransferConfig,
        resnet34: keras.Model,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("LIENZO_WEIGHTS_DIR", str(tmp_path))
        classifier = {"fc.weight": np.zeros((1000, 512), np.float32)}
        write_safetensors(tmp_path / "resnet34.safetensors", tensors | classifier)
        load_pretrained(resnet34, config)
        used = set()
        for layer in (layer for layer in backbone_layers(resnet34) if layer.weights):
            name = torch_name(layer.name)
            if isinstance(layer, keras.layers.Conv2D):
                expected = tensors[f"{name}.weight"]  # (out, in, h, w)
                np.testing.assert_array_equal(np.moveaxis(layer.kernel, (3, 2), (0, 1)), expected)
                used.add(f"{name}.weight")
                continue
            parts = {
                "weight": layer.gamma,
                "bias": layer.beta,
                "running_mean": layer.moving_mean,
                "running_var": layer.moving_variance,
            }
            for part, values in parts.items():
                np.testing.assert_array_equal(np.asarray(values), tensors[f"{name}.{part}"])
                used.add(f"{name}.{part}")
        assert used == set(tensors)

    def test_a_file_without_a_tensor_is_refused(
        self,
        tensors: dict[str, npt.NDArray[np.float32]],
        config: TransferConfig,
        resnet34: keras.Model,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("LIENZO_WEIGHTS_DIR", str(tmp_path))
        some = {n: v for n, v in tensors.items() if n != "layer2.0.bn1.bias"}
        write_safetensors(tmp_path / "resnet34.safetensors", some)
        with pytest.raises(RunError, match=r"layer2\.0\.bn1\.bias"):
            load_pretrained(resnet34, config)

    def test_strides_look_at_the_pixels_that_pytorch_looks_at(self, resnet34: keras.Model) -> None:
        """A kernel of 3 with stride 2 on 4 pixels, padded by 1 on both sides: of -1, 0, 1 and of
        1, 2, 3 the middle ones are 0 and 2 (Keras' own "same" would take 1 and 3)."""
        layers = {layer.name: layer for layer in resnet34.layers}
        conv, pad = layers["layer2_0_conv1"], layers["layer2_0_conv1_pad"]
        middle = np.zeros(conv.kernel.shape, np.float32)
        middle[1, 1, 0, 0] = 1
        conv.set_weights([middle])
        images = np.zeros((1, 4, 4, 64), np.float32)
        images[0, :, :, 0] = np.arange(16).reshape(4, 4)
        np.testing.assert_array_equal(conv(pad(images))[0, :, :, 0], [[0, 2], [8, 10]])


def test_halves_and_brain_floats_are_read(tmp_path: Path) -> None:
    header = {
        "half": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]},
        "brain": {"dtype": "BF16", "shape": [1, 1], "data_offsets": [4, 6]},
    }
    body = np.array([1.5, -2], np.float16).tobytes() + b"\x40\x40"  # 0x4040 0000 is 3.0
    text = json.dumps(header).encode()
    file = tmp_path / "a.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + body)
    tensors = read_safetensors(file)
    assert tensors["half"].tolist() == [1.5, -2.0]
    assert tensors["brain"].tolist() == [[3.0]]
    assert {v.dtype for v in tensors.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        struct.pack("<Q", 99) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 57) + b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}   1234',
    ],
)
def test_a_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "b.safetensors").write_bytes(content)
    with pytest.raises(StoreError, match=r"b\.safetensors cannot be read"):
        read_safetensors(tmp_path / "b.safetensors")

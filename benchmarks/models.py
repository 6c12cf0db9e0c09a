"""Our cost table against torch's counter, over all of timm and torchvision and sixty kinds of transformers.

For each model: the same whole number of MACs? An operator that is named as not counted? Refused, and with which words? And the
time, beside torch's counter and a bare forward pass on meta. Processor seconds, one run each, in turn. The libraries are in the
extra `bench` of pyproject.toml; what is missing is left out, and said. Every model is made from its configuration, on meta:
no weights are read or drawn.
"""

import gc
import importlib
import importlib.util
import statistics
import time
import warnings

import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.costs import build, no_first_weights
from benchmarks.tables import NOT_HERE, Table, command_line
from helpers.costs import cost_table

TEXT = """albert bart bert big_bird bigbird_pegasus biogpt blenderbot bloom camembert canine codegen convbert cpmant ctrl data2vec-text
    deberta deberta-v2 distilbert electra ernie esm falcon flaubert fnet funnel gemma gpt2 gpt_neo gpt_neox gptj ibert llama longformer
    longt5 m2m_100 marian mbart megatron-bert mistral mobilebert mpnet mt5 mvp nystromformer olmo opt pegasus phi plbart prophetnet
    qwen2 reformer rembert roberta roformer stablelm t5 xglm xlm xlnet""".split()
PICTURES = """beit bit convnext convnextv2 cvt data2vec-vision deit dinov2 dpt efficientnet focalnet glpn hiera levit mobilenet_v1
    mobilenet_v2 mobilevit mobilevitv2 poolformer pvt pvt_v2 regnet resnet segformer swin swin2sr swinv2 vit vit_mae vit_msn yolos""".split()
TOKENS = 64


def with_timm():
    """Yield (name, a maker of the model, its inputs) for all of timm."""
    import timm

    for name in timm.list_models():
        size = timm.get_pretrained_cfg(name).input_size if timm.get_pretrained_cfg(name) else (3, 224, 224)
        yield name, lambda name=name: timm.create_model(name), {"input_shape": (1, *size)}


def with_torchvision():
    """Yield the same for all of torchvision: detectors take a list of pictures, clips (1, 3, 16, 112, 112), flow two pictures."""
    for name in torchvision.models.list_models():
        module = torchvision.models.get_model_builder(name).__module__
        if ".detection." in module:
            take = {"images": [(3, 320, 320)]}
        elif ".video." in module:
            take = {
                "input_shape": (1, 3, 16, 224, 224)
                if name.startswith(("mvit", "swin3d", "s3d"))
                else (1, 3, 16, 112, 112)
            }
        elif ".optical_flow." in module:
            take = {"input_shape": [(1, 3, 128, 128)] * 2}
        else:
            take = {"input_shape": (1, 3, 224, 224)}
        more = {"weights_backbone": None} if ".detection." in module or ".segmentation." in module else {}
        yield name, lambda name=name, more=more: make_torchvision(name, **more), take


def make_torchvision(name, **more):
    return torchvision.models.get_model(name, weights=None, **more) if more or "quantized" in name else build(name)


def with_transformers():
    """Yield the same for kinds of transformers, each by its standard configuration: 64 tokens, or a picture of its size."""
    from transformers import CONFIG_MAPPING, AutoModel

    for kind in [*TEXT, *PICTURES]:
        if kind not in CONFIG_MAPPING:
            continue
        config = CONFIG_MAPPING[kind]()
        if kind in TEXT:
            tokens = torch.zeros(1, TOKENS, dtype=torch.long)
            take = {"input_ids": tokens}
            if config.is_encoder_decoder:
                take["decoder_input_ids"] = tokens
        else:
            side = getattr(config, "image_size", 224) or 224
            height, width = side if isinstance(side, (list, tuple)) else (side, side)
            take = {"pixel_values": (1, getattr(config, "num_channels", 3), height, width)}
        yield kind, lambda config=config: AutoModel.from_config(config), take


SOURCES = {"timm": with_timm, "torchvision": with_torchvision, "transformers": with_transformers}


# ---- one model --------------------------------------------------------------------------------------------------------


def on_meta(given):
    """Turn shapes into tensors of no numbers, as the others want them."""
    if isinstance(given, tuple):
        return torch.empty(given, device="meta")
    if isinstance(given, list):
        return [on_meta(each) for each in given]
    return given.to("meta")


def call(model, inputs):
    """Run a model as its users do."""
    inputs = dict(inputs)
    first = inputs.pop("input_shape", None)
    first = [] if first is None else first if isinstance(first, list) else [first]
    with torch.no_grad():
        return model(*map(on_meta, first), **{name: on_meta(given) for name, given in inputs.items()})


def timed(function):
    """Return what a function gives, or the exception that it raises, and the processor seconds that it took.

    As timeit does, without Python's search for garbage, which would strike one of the three by chance.
    """
    gc.disable()
    begin = time.process_time()
    try:
        found = function()
    except Exception as error:  # noqa: BLE001
        found = error
    finally:
        seconds = time.process_time() - begin
        gc.enable()
    return found, seconds


def count(model, inputs):
    """Return {"ours": MACs, "torch": MACs, …, "said": text} of one model; None where a counter fails."""
    bare, bare_time = timed(lambda: call(model, inputs))
    table, our_time = timed(lambda: cost_table(model, **inputs))
    with FlopCounterMode(display=False) as counter:
        ran, torchs_time = timed(lambda: call(model, inputs))
    refused = isinstance(table, Exception)
    return {
        "ours": None if refused else table.total.macs,
        "torch": None if isinstance(ran, Exception) else counter.get_total_flops() // 2,
        "named": () if refused else tuple(table.uncounted),
        "said": f"{type(table).__name__}: {table}" if refused else "",
        "seconds": (our_time, torchs_time, bare_time),
    }


def count_all(source, quick):
    found = {}
    for place, (name, make, inputs) in enumerate(source()):
        if quick and place % 40:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with no_first_weights(), torch.device("meta"):
                    model = make().eval()
                if not found:
                    count(model, inputs)  # the first of a process pays for what torch loads
                found[name] = count(model, inputs)
        except Exception as error:  # noqa: BLE001
            found[name] = {"said": f"not built on meta: {type(error).__name__}: {error}"}
    return found


# ---- the tables -------------------------------------------------------------------------------------------------------


def short(text, most=150):
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def summed(library, found):
    """Return the row of a library, and a row for each of its models that is not simply exact."""
    counted = {name: each for name, each in found.items() if "seconds" in each}
    known = {name: each for name, each in counted.items() if each["ours"] is not None}
    both = {name: each for name, each in known.items() if each["torch"] is not None}
    exact = [name for name, each in both.items() if each["ours"] == each["torch"] and not each["named"]]
    more = [name for name, each in both.items() if each["ours"] > each["torch"] and not each["named"]]
    less = [name for name, each in both.items() if each["ours"] < each["torch"] and not each["named"]]
    ours, torchs, bare = zip(*(each["seconds"] for each in both.values()))
    ratios = [a / b for a, b in zip(ours, torchs)]
    row = [
        library,
        *map(str, (len(found), len(exact), len(more), len(less))),
        str(sum(bool(each["named"]) for each in known.values())),
        str(len(counted) - len(known)),
        str(len(found) - len(counted)),
        str(len(known) - len(both)),
        *(f"{1e3 * statistics.median(times):.0f}" for times in (ours, torchs, bare)),
        f"1/{1 / statistics.median(ratios):.1f}",
        str(sum(a > b for a, b in zip(ours, bare))),
    ]
    others = []
    for name, each in found.items():
        if name in exact:
            continue
        numbers = [NOT_HERE if each.get(key) is None else f"{each[key]:,}" for key in ("ours", "torch")]
        words = f"not counted: {', '.join(each['named'])}" if each.get("named") else each["said"]
        others.append([library, name, *numbers, short(words)])
    return row, others


def measure(options):
    torch.set_num_threads(1)
    rows, others, missing = [], [], []
    for library, source in SOURCES.items():
        if importlib.util.find_spec(library) is None:
            missing.append(library)
            continue
        row, rest = summed(
            f"{library} {importlib.import_module(library).__version__}", count_all(source, options.quick)
        )
        rows.append(row)
        others += rest
    notes = [
        "The same: the same whole number as torch's counter, and nothing named as not counted. More: ours counts by a stated"
        " rule what torch's counter does not see, such as interpolation. Not built: the model cannot be"
        " made on meta, or wants a package that is not here. Times are of the models that both count."
    ]
    if missing:
        notes.append(f"Not installed here, so left out: {', '.join(missing)}.")
    yield Table(
        "Every model of the libraries",
        ["library", "models", "the same", "more", "less", "with a name not counted", "refused", "not built", "fails in torch's",
         "ours, median/ms", "torch's/ms", "bare pass/ms", "ours ÷ torch's, median", "slower than the bare pass"],
        rows,
        notes,
    )  # fmt: skip
    yield Table(
        "Those that are not the same",
        ["library", "model", "ours", "torch's counter", "what is said"],
        others,
        keys=2,
        fold=True,
    )


if __name__ == "__main__":
    command_line(measure, __doc__)

"""Values as text, between the marker and the process in which a student's code runs: numbers, texts, tensors, lists, modules.

Nothing that arrives can run: what is no plain value comes out as an object that has its type's name and does nothing, a network
as one of torch's own layers with the numbers that were sent, or as a bag of them.
"""

import base64
import json
import struct

import numpy as np
import torch
from torch import nn

LARGEST = 8 * 2**20  # bytes of one message
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in vars(torch).values()
    if isinstance(dtype, torch.dtype) and not str(dtype).startswith(("torch.q", "torch.bits"))
}
LAYERS = {name: kind for name, kind in vars(nn).items() if isinstance(kind, type) and issubclass(kind, nn.Module)}


class Broken(Exception):
    """What came is no message, or too long a one, or nothing came: the other process is gone."""


def packed(value, functions=None):
    """Return a value as what JSON can hold.

    functions: a dictionary that gets each function in the value under a number by which it can be called; without it, and for
               whatever else is no plain value, only the type's name is told
    """
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return value if abs(value) < 2**53 else {"int": hex(value)}
    if kind is float:
        return {"float": value.hex()}
    if kind is complex:
        return {"complex": [value.real.hex(), value.imag.hex()]}
    if value is Ellipsis or value is NotImplemented:
        return {"constant": str(value)}
    if kind in (list, tuple):
        return {kind.__name__: [packed(part, functions) for part in value]}
    if kind is dict:
        return {"dict": [[packed(key, functions), packed(part, functions)] for key, part in value.items()]}
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if kind is np.ndarray and value.dtype.kind in "biufc" and value.dtype.name in DTYPES:
        return {"array": _tensor(torch.from_numpy(np.ascontiguousarray(value)).reshape(value.shape))}
    if isinstance(value, nn.Module):
        return _module(value, functions)
    if callable(value) and functions is not None:
        functions[len(functions)] = value
        return {"function": len(functions) - 1}
    return {"other": kind.__name__, "callable": callable(value)}


def _tensor(value):
    value = value.detach()
    if value.layout is not torch.strided or value.is_quantized or value.device.type == "meta":
        return {"other": type(value).__name__, "callable": False}
    value = value.cpu().resolve_conj().resolve_neg().contiguous()
    if value.numel() * value.element_size() > LARGEST:
        return {"large": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
    data = value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b""
    return {
        "tensor": base64.b64encode(data).decode("ascii"),
        "shape": list(value.shape),
        "dtype": str(value.dtype).removeprefix("torch."),
    }


def _options(module):
    """Return the arguments with which one of torch's layers was made, as far as they are numbers, texts or tuples of them."""
    import inspect

    found, names = {}, [*inspect.signature(type(module).__init__).parameters]
    if isinstance(module, nn.RNNBase):  # nn.LSTM and its kin take whatever comes, and hand it on
        more = {nn.RNN: ["nonlinearity"], nn.LSTM: ["proj_size"]}.get(type(module), [])
        names = ["input_size", "hidden_size", "num_layers", "batch_first", "dropout", "bidirectional", "bias", *more]
    for name in names:
        value = getattr(module, name, None)
        if name == "bias":
            found[name] = value if isinstance(value, bool) else value is not None
        elif name not in ("device", "dtype") and isinstance(value, (bool, int, float, str, tuple)):
            found[name] = value
    return found


def _module(module, functions):
    plain = LAYERS.get(type(module).__name__) is type(module)
    inside = list(module.named_children())
    if plain and type(module) is nn.Sequential:
        return {"layers": [[name, _module(layer, functions)] for name, layer in inside]}
    own = [[name, _tensor(value)] for name, value in module.state_dict().items()]
    if plain and not inside:
        made = {name: packed(value) for name, value in _options(module).items()}
        return {"layer": type(module).__name__, "made": made, "state": own, "training": module.training}
    return {"bag": [[name, _tensor(value)] for name, value in module.named_parameters()], "name": type(module).__name__}


class Bag(nn.Module):
    """The parameters of a network of a kind that is not known here, in their order."""

    def __init__(self, parameters):
        super().__init__()
        self.held = nn.ParameterList([nn.Parameter(value, value.is_floating_point()) for value in parameters])


def unpacked(told, call=None):
    """Return the value that packed() told.

    call:   what makes of a function's number a function, where functions were told
    raises: Broken for what packed() cannot have told
    """
    try:
        return _unpacked(told, call)
    except Broken:
        raise
    except Exception as error:
        raise Broken(f"no value ({type(error).__name__})") from None


def _unpacked(told, call):
    if told is None or isinstance(told, (bool, int, str)):
        return told
    if not isinstance(told, dict) or not told:
        raise Broken("no value")
    word = next(iter(told))
    what = told[word]
    if word == "int":
        return int(what, 16)
    if word == "float":
        return float.fromhex(what)
    if word == "complex":
        return complex(*map(float.fromhex, what))
    if word == "constant":
        return {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}[what]
    if word in ("list", "tuple"):
        parts = [_unpacked(part, call) for part in what]
        return parts if word == "list" else tuple(parts)
    if word == "dict":
        return {_unpacked(key, call): _unpacked(part, call) for key, part in what}
    if word == "tensor":
        return _filled(told)
    if word == "large":
        return torch.zeros((), dtype=DTYPES[told["dtype"]]).expand(what)  # its shape, and nothing in memory
    if word == "array":
        return _filled(what).numpy()
    if word == "layers":
        return nn.Sequential(_ordered((name, _unpacked(layer, call)) for name, layer in what))
    if word == "layer":
        with torch.device("meta"):  # nothing is allocated that was not sent
            made = LAYERS[what](**{name: _unpacked(value, call) for name, value in told["made"].items()})
        made.load_state_dict({name: _filled(value) for name, value in told["state"]}, assign=True)
        return made.requires_grad_().train(told["training"])
    if word == "bag":
        return Bag([_filled(value) for _, value in what])
    if word == "function":
        if call is None or type(what) is not int:
            raise Broken("no function is expected")
        return call(what)
    if word == "other":
        return _stand_in(str(what)[:60], bool(told.get("callable")))
    raise Broken(f"no value: {str(word)[:20]}")


def _ordered(pairs):
    from collections import OrderedDict

    return OrderedDict(pairs)


def _filled(told):
    shape = told["shape"]
    dtype, data = DTYPES[told["dtype"]], bytearray(base64.b64decode(told["tensor"], validate=True))
    if any(type(side) is not int or side < 0 for side in shape):
        raise Broken("no shape")
    if not data:
        return torch.empty(shape, dtype=dtype)  # reshaping below would refuse one that is not empty
    return torch.frombuffer(data, dtype=dtype).reshape(shape)


def _stand_in(name, is_callable):
    """Return something of a type of that name, which can do nothing; a generator and a function are told as such."""
    if name == "generator":
        return (each for each in ())
    if is_callable:
        return lambda: None
    return type(name if name.isidentifier() else "object", (), {})()


def send(connection, message):
    """Send a dictionary over a socket.

    raises: Broken where it is too long, or the other side is gone
    """
    data = json.dumps(message).encode("utf-8", "surrogatepass")
    if len(data) > LARGEST:
        raise Broken(f"{len(data) / 2**20:.0f} MiB are too much to send")
    try:
        connection.sendall(struct.pack("!I", len(data)) + data)
    except OSError as error:
        raise Broken(str(error)) from None


def receive(connection):
    """Return the next dictionary that comes over a socket.

    raises: Broken where none comes; TimeoutError after the socket's time
    """
    (length,) = struct.unpack("!I", _exactly(connection, 4))
    if length > LARGEST:
        raise Broken(f"{length / 2**20:.0f} MiB are too much to receive")
    try:
        message = json.loads(_exactly(connection, length).decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise Broken("what came is no message") from None
    if not isinstance(message, dict):
        raise Broken("what came is no message")
    return message


def _exactly(connection, count):
    found = bytearray()
    while len(found) < count:
        try:
            part = connection.recv(min(count - len(found), 2**20))
        except TimeoutError:
            raise
        except OSError as error:
            raise Broken(str(error)) from None
        if not part:
            raise Broken("the other process ended")
        found += part
    return bytes(found)

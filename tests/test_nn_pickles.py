"""Pickles of version 0.1, whose modules lay elsewhere, still load, and hold what the same recipe makes today."""

import base64
import pickle
import zlib

import pytest

import autograd
import nn
from autograd import Value

ROWS, TARGETS = [[0.0, 1.0], [1.0, 0.5], [0.5, -1.0]], [1.0, 0.0, 2.0]


def trained(make, schedule=lambda optimizer: None):
    model = nn.MLP([2, 3, 1], "tanh", seed=0)
    optimizer = make(model.parameters())
    plan = schedule(optimizer)
    settings = {"epochs": 3, "batch_size": 2, "seed": 1, "progress": False}
    history = nn.fit(model, ROWS, TARGETS, loss=nn.mse, optimizer=optimizer, schedule=plan, **settings)
    return model, optimizer, history, plan


def sgd(parameters):
    return nn.SGD(parameters, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01)


def loaded(name):
    return pickle.loads(zlib.decompress(base64.b64decode(PICKLES[name])))


def test_a_graph():
    x, y, result = loaded("graph")
    slopes = approx([0.447273388024169, -0.03164105309065065])
    assert x.name == "x"
    assert [x.grad, y.grad] == slopes
    x.grad = y.grad = None
    z = (autograd.tanh(x * y + 1) + autograd.logsumexp([x, y, 2.0])) / autograd.maximum(x, y)
    first, second = nn.log_softmax([z, x])
    assert result.data == pytest.approx((first * second).data, rel=1e-14)
    result.backward()
    assert [x.grad, y.grad] == slopes


def approx(numbers):
    return pytest.approx(numbers, rel=1e-12)


def test_a_parameter():
    parameter = loaded("parameter")
    assert type(parameter) is nn.Parameter
    assert (parameter.data, parameter.name, parameter.trainable, parameter.grad) == (2.5, "w1", False, -0.5)


def test_a_model():
    model = loaded("model")
    expected = trained(sgd)[0]
    assert repr(model) == repr(expected)
    assert [p.name for p in model.parameters()] == [p.name for p in expected.parameters()]
    assert [p.data for p in model.parameters()] == approx([p.data for p in expected.parameters()])
    assert model([0.5, 2.0])[0].data == approx(expected([0.5, 2.0])[0].data)


def test_a_history():
    history = loaded("history")
    assert type(history) is nn.History
    assert (len(history), history.times, history.stopped, history.engine) == (3, [0.25, 0.125, 0.5], "epochs", "eager")
    assert history.loss == approx(trained(sgd)[2].loss)
    assert (history.metrics, history.best_epoch) == ({}, history.loss.index(min(history.loss)))
    assert type(pickle.loads(pickle.dumps(history))) is nn.History


def test_activations():
    kinds = [
        nn.Identity, nn.Softplus, nn.ReLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Softmax,
        nn.LogSoftmax,
    ]  # fmt: skip
    model = loaded("activations")
    assert [type(module) for module in model] == kinds
    assert [y.data for y in model([Value(0.3), -0.7])] == approx([-0.6815782692412586, -0.7048514996359792])
    assert type(loaded("argmax")) is nn.ArgMax


OPTIMIZERS = {
    "SGD": sgd,
    "Adam": lambda parameters: nn.Adam(parameters, 0.1),
    "AdamW": lambda parameters: nn.AdamW(parameters, 0.1),
    "RMSprop": lambda parameters: nn.RMSprop(parameters, 0.1, momentum=0.5, centered=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on(name):
    optimizer, expected = loaded(name), trained(OPTIMIZERS[name])[1]
    assert type(optimizer) is type(expected)
    for one in (optimizer, expected):
        for position, parameter in enumerate(one.parameters):
            parameter.grad = 0.1 * position - 0.35
        one.step()
    found, wanted = optimizer.state_dict(), expected.state_dict()
    for name, array in wanted.pop("memory").items():
        assert found["memory"][name] == approx(array)
    assert {name: found[name] for name in wanted} == wanted
    assert [p.data for p in optimizer.parameters] == approx([p.data for p in expected.parameters])


@pytest.mark.parametrize(("name", "kind", "rates"), [
    ("StepLR", nn.StepLR, [0.05, 0.025]),
    ("CosineAnnealingLR", nn.CosineAnnealingLR, [0.08145033635316129, 0.06890576474687264]),
])  # fmt: skip
def test_a_schedule_goes_on(name, kind, rates):
    schedule = loaded(name)
    assert type(schedule) is kind
    assert schedule.optimizer.lr == approx(rates[0])
    schedule.step()
    assert schedule.optimizer.lr == approx(rates[1])


PICKLES = {
    "graph": """
eNprYJmqzMQABrFTNHr4EktL8tOLElP0yhJzSlOn9PDFF6UWl+QXpabE56Qmpk2ZPEUjg7GHNQwsO3mKu/0DiGZ3+zsLFPqrr57uYayY0lkyJWhK
BrNGBqv7/i9Q+f0LjB0nVNRz9zBWQuUZe/gRhgPtLMgAGgh0hEYPc25pDoiVwZHBneq+/wnMiHUuxiVHDl72KwG6lDkxJQWkxpsBYpH9B4gqP78O
kOmp7vY3sGljKUnMywDq82ZMdLe/9j74Xk//Bvf9G2NebU3/FwpWwZmTn15cmptaUQBzAsQCBwY0CxwY72S84mP/haI9QwjkJiZvZqA8y67g1Psz
P6Aaz56bWJGZW5qL8B8iCK/VRXCfnTwB4r+UzDKw/1i8WYFmicDMWohkFjfQqfHF+WklQDPBatkyOIDh1fSQ6QnPqmL3A0KHDz8PXOAKdpc62D5v
tlS4MFwhWJ4fpJ/dG6jffpmKwm7e/QWIIC2ZktoK8rIeAClZ0ok=
    """,
    "parameter": """
eNprYJlaxgABPXyJpSX56UWJKXpliTmlqVN6+OKLUotL8otSU+JzUhPTpkyeotHDmZenl5ufUpoDlOcMSCxKzE0tSS0CSrk7sEDMcd//AGogU7nh
lM6SKUFTakEaS4oSM/MSk4AaO3tYChJLMqb4lSbpAQAFZCy4
    """,
    "model": """
eNprYJk6j5kBDHo48/L0chIrU4uKp/Qw+/oETJk8RbNxSu0UjR5GgykZDD1sPpl5qYlFCGHuzLz4tNTEktKi1OIp3kw9PPmlJUgCzD1s5amZ6Rkl
U2KnaABRD19iaUl+elFiil5ZYk5p6pQevnigwpL8otSU+JzUxDSgyRpgV+Tmp5TmAOU5AxKLEnNTS1JBlrrvPyG8eObEO5P8evgM9CAmRxvEAtGU
zpIpQWAXcZYUJWbmJSYBNXf0sBQklmRMyRAtTcoQ1MgQcd//cd0/xtOuE9H0GyL0Z0h2ZEhlSJcmpQKdC9Fkf60qyUYzdDeyJkMUSyGaFOC2PJR8
8bx0jyiaBgxbVFBsOdubsJeXcxmyJiMstmjCbLF/lRjXuXAvG5oGDFt0gbak9rAkZSYWT0HY9pTvxd53cXp+PZwGeiApTIuM4RY9YOi5MPvTH4Ra
DDvM4WpPOM3idz/Tg1BrhK7WGuieHtZ4SMyw9nCA4yszL31KR2lSD6MhMEkAoz8xuSSzLLEkMz8PmBJZQhLzMuBpLsM+wzHDAazYaEoGO1SQy5s5
g9ubMYMnFsmTVzs3fQr48w8YQkbYUwvERT5w12cGFXx2vNSApgHDuwHwmL445b/aq4Uv0DRg+DkE6OfEDKA5UHs+OlaZr72ZAAwlIxyhH1malAj0
qTvYp2BCDwDsaGZb
    """,
    "history": """
eNprYJmawMgABj1ceXl6GZnFJflFlVN62D2grMlTNBun1E7R6GHJyS8unhI7RcPd/qvbdH8HFXF3+797G39cW/gRyNBJbPzRUZPaw1+WmJOZkliS
mZ8XD9XQw1VckloQX5xZlQrV/zTzubWy9jV3+2ezl10Jc/zhbv88VSk838sntYcvJzWxKC8zLz2+KLEEpn7nTBCYhclI7WEtycyFKbsA8Yi7/QEY
4wGEkdrDDvRMQUFqypQettSC/OSMYhAjLz0zL3VKD2tqYnpq0ZQezvKMyngo2y8tv0jBUiG9KLEgo1hBA6JHAWyXQn5ScWpRGdiLxZoKiQoFRflA
dbkK5fmlOSkKJYnZqQol+fkKOfl56UCGQi5QYEppkh4A7xCOkw==
    """,
    "activations": """
eNpl0D1LA0EQBmBPc5pEEWxsbKwkgoScH1GxsApBuMrTOsyZ9XZxc3u6e8ErBO23cy0U/EH+I0tnLgQ2OO3zzu7LvDY+voOlemwrz7sSKvaknW0n
7LFkuREg3bvbf3MvrmODnrObGII7I6ZghMox2bwaU85U85wNRwUY7nioUxtEjq/aZqLuTSFLPc/wdb5BekjauGbxrSdbJEe13EDOPdkmOSZZS0Q2
UWLs4Q7hCWErZvBQ+a92sDfLsPKUjbRUBXPDy59Pmi/c3C1xs0+bKwN/JwRZcMDo7+xCGN2j6GndLRELrQ/o+7NahoMFiUjOZ63xDhN49rCPuBz1
SNuxyv4HLnRapt0/uNWetA==
    """,
    "argmax": """
eNprYJmqwAABPXx5eXqJySWZZYklmfl5xVN62ByL0n0TK6ZMnqLZOEUPAAFwDhA=
    """,
    "SGD": """
eNp1k39IE2EYxzd/bYtppVlEkKShk+DSCSkkHGY5aDHE6K9y82579Q52u+vuvdUswyBri9c/1Lc/1H+SQiJKSCIJk6v/hJR+UVAEJaYNqfBHhJFo
rxuettnDcfDyfD/P97n3nqc17UZNmiEWyBwIUKIEeQGj1JOOo7gLF1/GLdiGtkiMzAgAAlnB9eScxahQbJIZHxVk/CrAKMsjAwWKMvB5/IBpJKQN
WUg1QfSpfpK31K4VICmHNppzq7vjY6cLZZVQ5wDfxMHTJfXkwRGI62KOFigzfIBhCRxGaRIDOcxlqixnsXFWhzY3sGx8fqwjgS9d57ntYS6by1kD
6HfNbGXxqeGNQOk/hnFgl+4wsTv6VX2SmwAkOezRHcbbG0YyLf0bAfsmDnk6MMO4I30jGQlAkkOBDkxlRUd+uCkXspRQLM8oycWLdO1nA3rZO7+0
rk2qe0DXjh7p2eoYQ+tae6L2oK59Gxmcr11aJk3bN/9xcaBMB/g6aaHqdWsCkNRNuX7xr/BK4UxfNAFIaumw7jBX1Vx+/30Dad/+n2uhVRagFL+M
HfTj7tXoQWYFQMgHmpTYsJkFUQABqApE8W1sNcbJLpCBBrIYJPNnjTfi8QEvEyKaK80TjoEdF1SUTiSSgp0ZyOQRgCDKIVIPmYPAL3p5GMJoZ0AV
pBDl8ZLVoATVD3lGlkkNZCUL4xUDCpRVLyQ7gdJjSoxMAV9c0oWdhjZcbWTxNfIxNqfRmdmGuVqU7oMhCawiKY0VOBKOZ1ORsRK7XK7jKyRiL6cB
YjZSzZ0fCEonwCx99W5vYbbpD32vqO7B7Yov9E3Tp/6WyigNcs/mWBcXtanvZsfeD3Pa/J2CSCf/TDvzKO9NvqTR7YPXhw+VzWq/Lg3V/PYsaP59
F1/kT09r7m3uhz/3T9JhPMRNTFqeYmKnqCz1FyWSwuE=
    """,
    "Adam": """
eNq1k1lME0EYgCm0Qi3UeBUTz4iJNUiFEu9jIIhVqxVPVMS6y45sY3dbd2fFRkzQiBwOGsN4S0ggmIhGBY0GY9IHg0c84q1IDIoPGuP1oFGMRqet
Ltiqb/7Z7GZn/u//v52dKdHuWa+LCgaOE0WLx4tcAsHaTI4RSDUZs4VsJmbc28tIjAARlGSST9+NjII8hRLDWTYwbgUSbHRKUEYeCXJON2TWUtKM
9bSc4OEUN53X5/wqQKds4MgV5/hzCxsc2JhqKYKuQh7lpebTi1QgsijYUY8kxiUyLIXLsdbLIJ7wCQrL6818vM1/68bqb18mS2F8WjfP9y3n+/H9
fwHgSU0p29CnvieQ9lvDEJCodmiuSOL7OF6GAREdBqvA3VNTD7t2aHoC1j90GK4qtYmjM1vvt4QBER2SVOBhumFkbr95DqxPtbAuRo4sPlrNfZy9
faxuTn13bkTdZNX8YcrF8tZhc7pzreG549S6L2onlEwZs5tKW//840JAugp0NF+WV942hQERNhNVm/aPz10fZs4PAyKUpnYvy+L9e/OO1lF961+W
BSgsxNFuiW68lgOBOIjjZIiQSyyUg5tNx0LEpNHp19cDcSM0YKUD7z7dbDOVJeMY6JWJbUa2b2dnKp6C40NmTg4WMD5ii/oZCtbJKJBp74VjnQIU
PJIvqDEXm0RF8PoszgJ6RiyC4kYuRpIoi+PpySnwiDKSlAJEDwfWBTMJjhW5UEo1sUeVkiwNS8roV5ntGntCKeFzsI5DPi8MINFrJ5GK8tBsDNZM
Iw6HY+53GsGbPQoRtiKLDzkOyvjfT0LbYa0AGZHwC/hFAXl+SU/1VVTmVqfx6oy6JvDq7PQ3XcvvgM9Pz9VWDmXBxsqlVRmmSyAvsfjYtdkN/pKP
NS1Hyi74h+wYlVLnueQfqJdBRmarv6hyTXpWSjN4NNKxrDax1j+EKy7++qkBnC89/NK8qwmcarx3aHzvu/6gjCEg45TXK4wE/+F06EG7hmuUwPX9
D040zdoEzhtypzeeXAYOZm9Mdp/mgdZ4lXwzOMD7kq7idYbFYMAIMbrTtA10GBOqmpd6weVcW0zXs3yQ2N6xb2tbLqh8u+I93yWApwPiPLugDIo2
nWkaenwfCDgpCmv5ASNVD8E=
    """,
    "AdamW": """
eNprYJlaxMoABj0ceXl6+QUlmblTelgdUxJzw6dMnqLZOKV2ikYPV0FiUWJuaklqUfGUWCCfL7G0JD+9KDFFrywxpzR1Sg9ffFFqcUl+UWpKfE5q
YhpQp0YPJ9C83PyU0hygPGcAzACglLv9sufSre5bOPx6+Az0ylMz0zNKog1igWhKZ8mUILCNnCVFiZl5iUlAzR09LAWJJRlTMnhLkzI4NTJ43Pdf
2B8TGZWjhabfEKE/Q7AjQyhDGKbB/m7FB7cXmyYiazBEsRCiQRxuw6a51l3W4mfQNGDYIA3XcHna3+joJh9kDUZYbJCHO+lm0NSeG+IpaBowbFCG
a7iufX2e/qp+vx5OA72kzMRiTMPV4WpvmYdwfDg2D6EWw1xtuMuvq6menzzDCKHWCF2tPtzc541Wq8wenQc62gh7xEE0GMM13O98Mvtv5js0DRiu
MYe75vatrkW9JavQNGA4yRoRLF4MbU6zooDON8IRLPalSak9TDlFwIS3cyYIzOrhKE4tKcnMSy8GJzbWpNSSREOg9JszIHAWImAEFHj//dxNsXbt
HubUguIp7naulX2PDHqsenggLotPSU1OrAQqa6l66L5OpLq0h7W4BKTSm62HPT43NTe/qBLsDK8esbzS3IJKvfhkYB7Ryy3NKclMLCoC6u3hAeac
5Py84pKi0uQSYOboYQWrnNLDnpcCUTJ5ijdD6xRnxqQp7UBfaXgzevO2TskI6GFNKaksSAVpYUqzmNLZAZFl7mG0meLn5+f1HwjAhDdDyZSkTucM
SDaXcKA1PQVoXQ9Lbmpi3pQM/4wgkOMzQpCdHgN0TPrsSb4XPDfaH3/D4FMVdMmeYWqqe41GrL3f7s4QDdFj9lwfd6r7/16yP2fLZ8Oktj37fb/a
1CbNP7Z/VeiG48lBR/fryjPsZ47ZZP9m140TS9kX7JfJrBMWNlxq7+R6Wzf7+UZ7maC7j61NL+8HO4Yb5Jj44sLSxKJUPG5ifbt2xqnmInvD6dKf
T9hU2z89GMfQOjPM3uLf938f1mXYM+cuY3t0zdc+6KG7iAJnsP31n22VTswt9rf0Jh156Fdgv7RVI8r/dKz9l1i3bX8ehduXZqV0XLmcax/NbP2P
IbHYPt53s+GhddPtQW4qLU3SAwCwTBUx
    """,
    "RMSprop": """
eNprYJnaw8oABj0ceXl6+QUlmblTetiDfIMLivILpkyeotk4pXaKRg9XQWJRYm5qSWpR8ZRYIJ8vsbQkP70oMUWvLDGnNHVKD198UWpxSX5Rakp8
TmpiGlCnRg8n0MTc/JTSHKA8ZwDMAKCUu/3VuXPkV9iL+fXwGeiVp2amZ5REG8QC0ZTOkilBYBs5S4oSM/MSk4CaO3pYChJLMqZk8JYmZXBqZPC4
O7B6Ne5+dSoCTb8hQn+GYEeGUIYwTMP+NwHHIjc+2YOswRDFQogGcbgNQnqzdsdd6EPTgGGDNEyD/Y++pfmqN7OQNRhhsUEepuGAQEyRWsLBw2ga
MGxQhjuJ//v3mdsnGPn1cBroJWUmFmMarg5XyzK39kDQ+X6EWgxzteFh8+vdUzPJExEItUboavXhat8tMNvrw9EAdLQR9oiDaDBGBPwVyxDBzkto
GjBcYw7X8LKk5FT2DnQNGE6yhnuV8cjmV4l7ngKdb4QjWOxLk1J7mHKKgAlv50wQmNXDUZxaUpKZl14MTmysiTkFGYlA6ffrRKoeuq/rYU4tKJ7i
buda2ffIoMeqhwfikPiU1OTEyinuDAywPJObn5uaV1KaC9T6ACaWDBRJBWaEKR2lPazFJSCTvNl62ONzU3PziyrB9nHnpibmxRcXliYWAfOGWF5p
bkGlXnwyMPvo5ZbmlGQmFhUB7enhAWaq5Py84pKi0uQSYL7pYQWrBGbQvBSIkslTvBlapzgzJk1pB3pYw5vRm7d1SkZQD2tKSWVBKkgLU5rFlM4O
iCxzD6PNFD8/P6//QAAmvBlKpiR1OmewJyw+1TNpoz1/+Gc/aa1F9mYNE9ilnt+xf/L/eXDk1H320jvLxS6/n2S/KllMZZd7l/3EnscLF1pvsf/R
bFm7S/eu/QTOjZs3vJ9hny/TuXrCiw/2cgsTnsxT/2DPzpknV/X6g71Z7p32xE/37KcArevhKEvNyU/OLKmckhGYEQLyQEYYsvPjgA7K19SdtiDm
337P10LvF97gPzBly5GeY7v+7bd7ZPpynTv7gc9hrF5znv+0376PS3D+zH/2FyI6HEVn/9j/wHSNv6Qz8wH2ZQc2Xmb5Z3/uvt2fs2ECBwQOXLMp
/nhgf8u0qMdGW97ZL3hnsElKU+QA2EEsoOjA45i23V9/yG+evj+ovFj7kN/E/Y96Z9xmnrl+vznvunkfRZbuP5rt4H/jYD3Q1zP/fFSZYC/F0L2M
4c78/S537Je2zduwn4lTt6yssN7e8ROzuq/S3v0pXVkxfybs2j/TgG8Vu/F++zOyS/J7bBfuBzmmtDRJDwAPUk/r
    """,
    "StepLR": """
eNq9lM9rE1EQx7dp0iZSIyrUCkJFBCOUJQ0Weiik0ECkibG0iGAp8W32JbuQ/dG3byMRC/6gNIF3kY5FxYvixbMiigdBvFUQUcRiiz8OetE/oJfG
adJualKvDsvCMt/PzHdn3+xV/637fqkeImiasmVz3QDRNcWpnZ6ERTh5DeYgIkL1hH6ZMtAk0TmVTDRze2zCiEE5ZQ7M4HOYuNwqMKLKJVJ0KYhw
llGHW4yq2SIleSSxIDYzLNUtYj40sV0AU8n43MbQlXHlQ0aEo/Ilqhc0Ph2dwQuqHCYbbjgjukkUhCvCbxOugXbAVbRwRNuffPkp3b/vMKEt/GCT
13or2iGtbxuIryYHnn1burcTGPyrYQM44nV48eWCr7a20AK0dTjqAe/PLC/9/nV6JxDbpcNxz9LKCSl0bP1mC9DWIeIBb/tL6dn844wIRWVFJ057
8QFP+2ak78HK7Nmmtq1u1HP+9KB0/rVINLWxVu0pr+7P6XhtosLRdGz3D9cAhj1g7eHgj41311uANjcjnpvPK6Ol709etQBtlka9Dh9vLA9dXL+N
9mP/GEvCVajwFRkevEd3NuOuCDqUc90sOPXDFjQsg5rcNSApSd6q4IGmzCpBVfQ0jGRVmiPlpsYVAZTYDqS6RHfWoIbFylhPBEu0aOV0XgbRa7qG
XZazOVwN2XCLXCeMYQ3RgwuTs0yHMzfHcSdEoK4E0W2qDckipKR5GOtQYAFfJpLqSO2dB+2cCKi8bNNNxJcfhmqlke0UHSOQyWTGaxj1W0rioFTH
NOk/BWA7x1VEIK8zh+Osn2/NOkBtK6cBWgxtjivr4D8GUj4RKBDDICj8ujVORf4DI06jgA==
    """,
    "CosineAnnealingLR": """
eNq9k09IFFEcx2d1V1ezJcXMQ0RQhw1kWBehJSQrhYU2FrE6hU5vdt86A/NmhjdvtlYJCrJ2413CX2R/TiERHbJDhwrJSrpaZARS9sdDFBR4KDzW
cxdnbdeu/RgGht/38/t+Z+b9zvqv3PVLxeJB05Qtm+kEeHOv5egmPmiaGBm6OXxkAMZhzzk4A2HeUNToI5iCJvHao/G+cq/RRhQRzDB1YFA8h5DL
rGGK0nIWGS4GHlIodphFcVoxMMoIUgwUvsRKu4boN/SvDRCteA8s7w++br+Z5KGIfArrwxo7ERkUFxQYDJTSMIp0E6kCznO/jZgGWouraqGw1hyf
WVheUd7tvVDBd5Z5rS2vbdPa14Ce99+mP236vm890PmXYQnY7jnMjE00TZ58UQFUOez0gPkpILfe9KwHohs47PYiLXyw7rfevlQBVDmEPWAetozO
7RhK8oaIrOrIqR7e4WlfTccOfSk8L2ur5ka85E92Pfb1P3ta1kYrtV3e3K/Zh1vrrs6K0NGNf1wJiHnAx/k7XVMtExVAVZpuL83iS/+KM/S2AqiK
dMBzWLzxazb/c1LEj/7js/S5KuY1BhUH78HCj6Wlyx086GDGxAI4xcMWJBbBJnMJxCXJ2xpxoDG1slDgTaUgShqnUK6scXlASGwHEnW8XiGYWDQn
5vFgFhtWSmc54G2mS+ycrKTEasjENZiOKBUzeJNYmJRlOoy6KSZ2ggeKSuD1ZrokGYeENAa9PhUuipcJJ3yJzWOgHeeBNMvZeBWpycSgkC91a7mv
G5LJ5OHfooq3hMRALfRq0n8qEHaOq/JARqcOE9/60bXVus4D2LZSGoiIgWMKQach0cjrMUMK0U0hOz/yOX6vddRV5T949a4C
    """,
}

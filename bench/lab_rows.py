"""The rows of bench/lab as data: which links, which way, what happens on the way."""
import dataclasses

PAIRS = ((20, 10), (40, 20), (100, 5), (10, 10))  # Mb/s of path1 and path2
TRIPS = ((20, 20), (20, 80), (50, 300))  # ms, round trip
ACCIDENTS = ("blackhole", "carrier", "address")
DIRECTIONS = ("download", "upload")
LOSSES = ((0, 1.0), (1.0, 0))  # percent each way, on path1 and path2


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table. `accident` happens to path1 and heals again; without it goodput is measured."""
    direction: str
    rates: tuple
    trips: tuple
    congestion: str  # of the kernel's sockets, at both ends
    accident: str = ""
    losses: tuple = (0, 0)

    @property
    def name(self):
        what = self.accident or ("loss" if any(self.losses) else "goodput")
        rates, trips = ("/".join(map(str, values)) for values in (self.rates, self.trips))
        losses = "-%g/%g%%" % self.losses if any(self.losses) else ""
        return f"{what}-{self.direction}-{rates}-{trips}{losses}-{self.congestion}"


def all_rows(controllers):
    rows = [Row(direction, rates, trips, congestion) for congestion in controllers for direction in DIRECTIONS
            for rates in PAIRS for trips in TRIPS]
    rows += [Row(direction, (40, 20), (20, 50), congestion, accident=accident) for congestion in controllers
             for direction in DIRECTIONS for accident in ACCIDENTS]
    rows += [Row(direction, (40, 20), (20, 50), congestion, losses=losses) for congestion in controllers
             for direction in DIRECTIONS for losses in LOSSES]
    return rows


TOPOLOGY = """\
[hosts.client]
routes = ["default via 10.0.1.1 metric 100", "default via 10.0.2.1 metric 200"]
endpoints = [
  {{ address = "10.0.1.2", flags = ["subflow"], link = "path1" }},
  {{ address = "10.0.2.2", flags = ["subflow"], link = "path2" }},
]
sysctl = {{ "net.ipv4.tcp_congestion_control" = "{congestion}" }}

[hosts.server]
addresses = ["10.9.0.1/32"]
sysctl = {{ "net.ipv4.tcp_congestion_control" = "{congestion}" }}
"""
LINK = """
[[links]]
name = "path{number}"
rate = "{rate}Mbps"
delay = "{delay}us"
queue = "1bdp"
loss = "{loss}%"
a = {{ host = "client", addresses = ["10.0.{number}.2/24"] }}
b = {{ host = "server", addresses = ["10.0.{number}.1/24"] }}
"""


def topology(row):
    """A client with two links to a server whose one address both lead to, as a lab's TOML."""
    links = [LINK.format(number=number, rate=rate, delay=trip * 500, loss=loss)
             for number, rate, trip, loss in zip((1, 2), row.rates, row.trips, row.losses)]
    return TOPOLOGY.format(congestion=row.congestion) + "".join(links)

"""Watts in a car and in a data centre, and what arithmetic and memory take for one picture.

The power of a computer that runs all the time costs a car range, the more the slower it drives, and costs
a data centre money. The energies of single operations are published estimates for one manufacturing process.
"""

from __future__ import annotations

import pandas as pd

from dojo import tables

#: kilometres in a mile, and hours in a year
MILE, YEAR = 1.609344, 365.25 * 24
#: bits that one access to memory brings, in energy_per_op
ACCESS = 64


def lost_range(watts: float, mph: float, wh_per_mile: float) -> float:
    """Share of a car's range that a steady load takes, between 0 and 1.

    `wh_per_mile` is what driving alone takes, `mph` the average speed in miles an hour. In the time for one
    mile the load takes watts / mph on top. Raises ValueError for a negative load, or a speed or consumption
    that is not above zero.
    """
    for name, value, wrong in (
        ("watts", watts, watts < 0),
        ("mph", mph, mph <= 0),
        ("Wh", wh_per_mile, wh_per_mile <= 0),
    ):
        if wrong:
            raise ValueError(f"{name}: {value!r}; expected {'zero or more' if name == 'watts' else 'more than zero'}")
    extra = watts / mph
    return extra / (wh_per_mile + extra)


def year_in_a_hall(watts: float, price: float) -> float:
    """What a load costs that runs all year, at so many dollars for a kilowatt-hour."""
    return watts / 1000 * YEAR * price


def car_and_hall(watts: list[float], speeds: list[float], wh_per_mile: float, price: float) -> pd.DataFrame:
    """One row for each power: per cent of range lost at each speed (mph), and dollars a year in a data centre."""
    rows = {
        f"{power:g} W": {
            **{f"{mph:g} mph ({mph * MILE:.0f} km/h)": f"{lost_range(power, mph, wh_per_mile):.1%}" for mph in speeds},
            "in a data centre, $ a year": f"{year_in_a_hall(power, price):,.0f}",
        }
        for power in watts
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("computer")


def operations(energies: pd.DataFrame) -> pd.DataFrame:
    """Energies of one process, 7 nm, for one number of eight bits: what arithmetic takes, and what fetching takes.

    `energies` as energy_per_op is loaded. Columns, by what: picojoules, and times over one multiplication
    in int8. An access to memory brings 64 bits, which are eight such numbers.
    """
    words = {
        "multiply-int8-7nm": "multiply two, int8",
        "add-int32-7nm": "add the product to a sum, int32",
        "sram-read-8-kb-64-bit-7nm": "fetch one from a small memory on the chip (8 KB)",
        "sram-read-1-mb-64-bit-7nm": "fetch one from a larger one on the chip (1 MB)",
        "dram-access-hbm2-low-64-bit-7nm": "fetch one from stacked memory (HBM2), at least",
        "dram-access-hbm2-high-64-bit-7nm": "fetch one from stacked memory (HBM2), at most",
        "dram-access-ddr3-ddr4-64-bit-7nm": "fetch one from ordinary memory (DDR4)",
    }
    own = energies.loc[list(words)]
    fetched = own["format"] == f"{ACCESS} bit"
    each = own["energy_pj"].where(~fetched, own["energy_pj"] * 8 / ACCESS)
    found = pd.DataFrame({"what": words, "picojoules": each, "times": each / each["multiply-int8-7nm"]})
    return found.set_index("what")


def picture(layers: pd.DataFrame, shared_by: int = 64) -> pd.DataFrame:
    """What one picture takes by the energies of single operations, in millijoules: a column for each network.

    `layers` as network_layers is loaded. Eight bits throughout, sums in 32, memory outside the chip DDR4. Weights
    are fetched once for a batch. An estimate of the arithmetic and of the memory alone: the rest of a chip
    and of its machine is not in it.
    """
    energy = tables.load("energy_per_op")["energy_pj"]
    once = energy["multiply-int8-7nm"] + energy["add-int32-7nm"]
    fetched = energy["dram-access-ddr3-ddr4-64-bit-7nm"] * 8 / ACCESS
    own = layers.assign(weights=layers["weights"].where(layers["weights_shared"] != "yes", 0))
    sums = own[own["macs"] > 0].groupby("network")[["macs", "weights", "in_elements", "out_elements"]].sum()
    rows = {
        "arithmetic": sums["macs"] * once,
        "weights, fetched for one picture": sums["weights"] * fetched,
        f"weights, fetched once for {shared_by}": sums["weights"] * fetched / shared_by,
        "what layers hand on, if all of it travels": (sums["in_elements"] + sums["out_elements"]) * fetched,
    }
    return (pd.DataFrame(rows).T.astype(float) / 1e9).rename_axis("energy_of")

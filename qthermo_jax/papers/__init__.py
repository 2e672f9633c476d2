"""Published results, and what comes out of them here: `qthermo papers`."""

from qthermo_jax.papers import (
    barato_seifert_2015,
    breuer_petruccione_2002,
    correa_2013,
    esposito_2009,
    gelbwaser_2013,
    hofer_2017,
    joulain_2016,
    kalaee_2021,
    kalaee_wacker_2021,
    kosloff_rezek_2017,
    levy_kosloff_2014,
    onsager_1931,
    scovil_1959,
    segal_nitzan_2005,
    skrzypczyk_2011,
    thermophoresis,
    werlang_2014,
)
from qthermo_jax.papers.record import Paper, Relation, Statement

__all__ = ["PAPERS", "Paper", "Relation", "Statement"]

# By the name that `qthermo papers NAME` takes; the paper that the package starts from is the first.
PAPERS: dict[str, Paper] = {
    module.__name__.rpartition(".")[2]: module.PAPER
    for module in (
        thermophoresis,
        breuer_petruccione_2002,
        onsager_1931,
        esposito_2009,
        segal_nitzan_2005,
        werlang_2014,
        joulain_2016,
        scovil_1959,
        skrzypczyk_2011,
        correa_2013,
        levy_kosloff_2014,
        hofer_2017,
        kosloff_rezek_2017,
        gelbwaser_2013,
        barato_seifert_2015,
        kalaee_2021,
        kalaee_wacker_2021,
    )
}

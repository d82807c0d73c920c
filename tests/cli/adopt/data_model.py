"""Models of the table matches, from dynamodb_data_model.json."""

# The comments say what the sample leaves open: an attribute without one is in every
# item sampled, always with this type. Attributes that a class does not declare are kept
# when an item is read and saved.

from datetime import datetime

from pydynox import Attr, GlobalSecondaryIndex, Model, field, partition_key, sort_key


class Match(Model[str, int], table="matches"):
    """An item of the table matches."""

    season: Attr[str] = partition_key()
    match_id: Attr[int] = sort_key()
    region: Attr[str] = field()
    stage: Attr[str] = field()
    # in 2 of 3 items
    winner: Attr[str | None] = field(default=None)
    played: Attr[datetime]
    scores: Attr[list[int]]

    by_region = GlobalSecondaryIndex(
        (region, season),
        (stage, match_id),
        index_name="by-region",
    )
    winners = GlobalSecondaryIndex(winner, projection="KEYS_ONLY")

"""Models of the table my-forum.v2, from a sample of 31 items."""

# The comments say what the sample leaves open: an attribute without one is in every
# item sampled, always with this type. Attributes that a class does not declare are kept
# when an item is read and saved.

from datetime import datetime

from pydynox import Attr, Document, Model, field, partition_key, sort_key


class MyForumV2(Model[str, str], table="my-forum.v2"):
    """Any item of the table my-forum.v2; its subclasses are the kinds of items."""

    PK: Attr[str] = partition_key()
    SK: Attr[str] = sort_key()


class PostCommentBy(Document):
    """A map in by of PostComment."""

    handle: Attr[str]


# 8 of 31 items
class PostComment(MyForumV2):
    """An item whose PK begins with POST# and SK begins with COMMENT#."""

    PK: Attr[str] = partition_key(template="POST#{no}")
    SK: Attr[str] = sort_key(template="COMMENT#{no:05d}")
    by: Attr[PostCommentBy]
    no: Attr[int]
    text: Attr[str]


# 15 of 31 items
class UserPost(MyForumV2):
    """An item whose PK begins with USER# and SK begins with POST#."""

    PK: Attr[str] = partition_key(template="USER#{user_id}")
    SK: Attr[str] = sort_key(template="POST#{posted}")
    likes: Attr[int]
    posted: Attr[datetime]
    tags: Attr[set[str]] = field(default_factory=set)
    title: Attr[str]
    user_id: Attr[str]


# 8 of 31 items
class UserProfile(MyForumV2):
    """An item whose PK begins with USER# and SK is PROFILE."""

    PK: Attr[str] = partition_key(template="USER#{user_id}")
    SK: Attr[str] = sort_key(template="PROFILE")
    handle: Attr[str]
    karma: Attr[int]
    user_id: Attr[str]

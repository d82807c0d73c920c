"""The tests of the inventory: the fixture dynamodb_url of pydynox's pytest plugin is all that they need of pydynox."""

import subprocess
import sys

import boto3
import pytest
from inventory import Inventory, SoldOut, create_table

pytestmark = pytest.mark.usefixtures("dynamodb_url")


@pytest.fixture
def inventory(dynamodb_url):
    create_table()
    return Inventory()


def test_what_was_sold_is_gone(inventory):
    inventory.restock("oslo", "chair", 3)
    assert inventory.sell("oslo", "chair", 2) == 1
    assert inventory.stock("oslo") == {"chair": 1}


def test_more_than_there_is_cannot_be_sold(inventory):
    inventory.restock("oslo", "chair", 1)
    with pytest.raises(SoldOut):
        inventory.sell("oslo", "chair", 2)
    assert inventory.stock("oslo") == {"chair": 1}


def test_stock_moves_or_stays(inventory):
    inventory.restock("oslo", "chair", 3)
    inventory.move("chair", "oslo", "bergen", 2)
    with pytest.raises(inventory.table.meta.client.exceptions.TransactionCanceledException):
        inventory.move("chair", "oslo", "bergen", 2)
    assert (inventory.stock("oslo"), inventory.stock("bergen")) == ({"chair": 1}, {"chair": 2})


def test_a_batch_and_its_pages(inventory):
    with inventory.table.batch_writer() as batch:
        for number in range(60):
            batch.put_item({"shop": "oslo", "sku": f"s{number:02}", "stock": number})
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName="inventory", PaginationConfig={"PageSize": 25})
    assert [len(page["Items"]) for page in pages] == [25, 25, 10]


def test_another_process_sees_the_same_tables(inventory):
    inventory.restock("oslo", "chair", 3)
    code = "from inventory import Inventory; print(Inventory().stock('oslo'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'chair': 3}"


@pytest.mark.parametrize("number", range(3))
def test_each_test_begins_empty(number):
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []
    create_table()

"""An inventory on one DynamoDB table, with boto3 alone."""

import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError


class SoldOut(Exception):
    """Fewer are in stock than were asked for."""


def create_table():
    dynamodb = boto3.resource("dynamodb")
    table = dynamodb.create_table(
        TableName="inventory",
        KeySchema=[{"AttributeName": "shop", "KeyType": "HASH"}, {"AttributeName": "sku", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "shop", "AttributeType": "S"}, {"AttributeName": "sku", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    return table


class Inventory:
    """The stock of all shops."""

    def __init__(self):
        self.table = boto3.resource("dynamodb").Table("inventory")

    def restock(self, shop, sku, count):
        self.table.update_item(
            Key={"shop": shop, "sku": sku},
            UpdateExpression="ADD stock :count",
            ExpressionAttributeValues={":count": count},
        )

    def sell(self, shop, sku, count=1):
        """Take some out of stock, and return what is left."""
        try:
            changed = self.table.update_item(
                Key={"shop": shop, "sku": sku},
                UpdateExpression="SET stock = stock - :count",
                ConditionExpression="stock >= :count",
                ExpressionAttributeValues={":count": count},
                ReturnValues="UPDATED_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise SoldOut(sku) from None
            raise
        return int(changed["Attributes"]["stock"])

    def stock(self, shop):
        items = self.table.query(KeyConditionExpression=Key("shop").eq(shop))["Items"]
        return {item["sku"]: int(item["stock"]) for item in items}

    def move(self, sku, source, target, count):
        """Move stock between shops, all or nothing."""
        client = self.table.meta.client
        client.transact_write_items(
            TransactItems=[
                {
                    "Update": {
                        "TableName": "inventory",
                        "Key": {"shop": source, "sku": sku},
                        "UpdateExpression": "SET stock = stock - :count",
                        "ConditionExpression": "stock >= :count",
                        "ExpressionAttributeValues": {":count": count},
                    }
                },
                {
                    "Update": {
                        "TableName": "inventory",
                        "Key": {"shop": target, "sku": sku},
                        "UpdateExpression": "ADD stock :count",
                        "ExpressionAttributeValues": {":count": count},
                    }
                },
            ]
        )

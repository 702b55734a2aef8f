"""Reads [{sql, columns}] from standard input, runs each on Spark, answers with the rows as JSON: for `portable-spark.test.ts`."""
import datetime, decimal, json, sys
from pyspark.sql import SparkSession

request = json.load(sys.stdin)
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.ansi.enabled", "true")
    .config("spark.sql.session.timeZone", request["zone"])
    .config("spark.sql.shuffle.partitions", "1")
    # Compiling code for six rows takes longer than computing them.
    .config("spark.sql.codegen.wholeStage", "false")
    .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    .config("spark.sql.adaptive.enabled", "false")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("OFF")
spark.sql(request["table"]).createOrReplaceTempView("t")


def plain(value):
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return value


answers = []
for sql in request["statements"]:
    try:
        answers.append({"rows": [[plain(value) for value in row] for row in spark.sql(sql).collect()]})
    except Exception as error:  # The test shows what Spark refuses.
        answers.append({"error": str(error).split("\n")[0]})
json.dump(answers, sys.stdout)
spark.stop()

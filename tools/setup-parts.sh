#!/usr/bin/env bash
# Gets the parts that the interop tests read our tables with, PyIceberg and Spark with its Iceberg runtime, and a Kafka broker.
# Needs Python 3.9 to 3.12 with venv, Java 17 and Maven. Run again at will: what is there is left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pyiceberg=0.12.0
pyspark=3.5.9
runtime=iceberg-spark-runtime-3.5_2.12
runtime_version=1.11.0
kafka=4.1.0
slf4j=1.7.36

# Each venv is marked with what it holds, so that a version named anew above is installed and an interrupted install is repaired.
install_venv() {
  local folder=$1
  shift
  local mark="$folder/.maru-installed"
  if [[ -f $mark && $(<"$mark") == "$*" ]]; then
    echo "$folder: there"
    return
  fi
  echo "$folder: installing $*"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet "$@"
  echo "$*" > "$mark"
}

mkdir -p .tool/jars
install_venv .tool/python "pyiceberg[pyarrow]==$pyiceberg"
install_venv .tool/spark "pyspark==$pyspark"

jar=".tool/jars/$runtime-$runtime_version.jar"
if [[ -f $jar ]]; then
  echo "$jar: there"
else
  echo "$jar: getting it"
  mvn -q -B dependency:copy -Dartifact="org.apache.iceberg:$runtime:$runtime_version" -DoutputDirectory="$PWD/.tool/jars"
  [[ -f $jar ]]
fi

if [[ -f .tool/kafka/.maru-installed && $(<.tool/kafka/.maru-installed) == "$kafka $slf4j" ]]; then
  echo ".tool/kafka: there"
else
  echo ".tool/kafka: getting Kafka $kafka"
  rm -rf .tool/kafka
  mkdir -p .tool/kafka
  cat > .tool/kafka/pom.xml <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>maru</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>$slf4j</version></dependency>
  </dependencies>
</project>
POM
  mvn -q -B -f .tool/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$PWD/.tool/kafka/lib"
  echo "$kafka $slf4j" > .tool/kafka/.maru-installed
fi

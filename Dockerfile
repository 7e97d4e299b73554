FROM apache/airflow:3.3.2-python3.11

# mysqlclient is C: it needs a compiler and MariaDB's client library. So is the reader of SQLite.
USER root
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc pkg-config libmariadb-dev libsqlite3-dev \
 && rm -rf /var/lib/apt/lists/*

USER airflow
WORKDIR /opt/airflow
COPY --chown=airflow:0 requirements.lock pyproject.toml README.md /opt/airflow/penstock-source/
COPY --chown=airflow:0 penstock /opt/airflow/penstock-source/penstock
COPY --chown=airflow:0 operators /opt/airflow/penstock-source/operators
COPY --chown=airflow:0 expectations /opt/airflow/penstock-source/expectations
RUN pip install --no-cache-dir --constraint penstock-source/requirements.lock "./penstock-source[mysql]"

# The same layout as the repository: a migration file names its suites relative to it.
COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 expectations /opt/airflow/expectations
RUN mkdir -p /opt/airflow/staging /opt/airflow/auth

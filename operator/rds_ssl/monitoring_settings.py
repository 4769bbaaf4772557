"""The settings of what the operator shows to those who watch it."""

from pydantic import BaseModel, Field

from rds_ssl.setting_types import TracingUrl


class MonitoringSettings(BaseModel):
    """How much is shown."""

    metrics_objects: int = Field(
        default=5000,
        ge=0,
        le=100_000,
        description="Objects with metrics of their own; 0: none has.",
    )
    """Each has 4 to 10 series: 5,000 are 26,000 series and 4 MB a scrape."""
    tracing_endpoint: TracingUrl = Field(
        default="",
        description="Collector that gets a trace of each pass (OTLP/HTTP), http://HOST:4318; empty:"
        " none.",
    )
    """Takes the extra ``tracing``, which is imported only then."""

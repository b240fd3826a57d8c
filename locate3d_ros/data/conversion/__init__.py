"""Turns annotated scans of a data set into a data set folder (DESIGN 5.5, docs/datasets.md)."""

from locate3d_ros.data.conversion.convert import ConvertReport, ConvertRequest, convert
from locate3d_ros.data.conversion.scans import Roots

__all__ = ["ConvertReport", "ConvertRequest", "Roots", "convert"]

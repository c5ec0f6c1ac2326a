"""Make pictures and pages from results: drawings, card news, galleries and workbooks."""

from cloudai.report.cards import card, save_gif
from cloudai.report.filenames import safe_name
from cloudai.report.fonts import MissingFontError, find_font
from cloudai.report.gallery import gallery
from cloudai.report.marks import Mark, marks_of
from cloudai.report.page import Tile
from cloudai.report.recipes import Finding, card_news, portrait_gallery
from cloudai.report.subjects import Subject, subjects_of

__all__ = [
    "Finding",
    "Mark",
    "MissingFontError",
    "Subject",
    "Tile",
    "card",
    "card_news",
    "find_font",
    "gallery",
    "marks_of",
    "portrait_gallery",
    "safe_name",
    "save_gif",
    "subjects_of",
]

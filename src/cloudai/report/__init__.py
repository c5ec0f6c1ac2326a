"""Make pictures and pages from results: card news, and a gallery of portraits."""

from cloudai.report.cards import card, save_gif
from cloudai.report.comparison import save_comparison
from cloudai.report.filenames import safe_name
from cloudai.report.fonts import MissingFontError, find_font
from cloudai.report.gallery import Portrait, save_gallery
from cloudai.report.recipes import Finding, card_news, portrait_gallery

__all__ = [
    "Finding",
    "MissingFontError",
    "Portrait",
    "card",
    "card_news",
    "find_font",
    "portrait_gallery",
    "safe_name",
    "save_comparison",
    "save_gallery",
    "save_gif",
]

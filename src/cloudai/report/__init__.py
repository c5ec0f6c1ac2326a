"""Make pictures and pages from results: drawings, card news, galleries, plots and workbooks.

A report of results that are kept sends nothing, and needs no client.
"""

from cloudai.report.capability_page import save_capabilities
from cloudai.report.card_files import save_gif, save_html, save_mp4, save_webp
from cloudai.report.card_set import cards
from cloudai.report.comparison import save_comparison
from cloudai.report.drawing import contact_sheet, crop, draw, strip
from cloudai.report.filenames import safe_name
from cloudai.report.films.annotated_video import save_video
from cloudai.report.films.moments import save_moments
from cloudai.report.films.timeline import save_timeline
from cloudai.report.fonts import MissingFontError, find_font
from cloudai.report.galleries import gallery
from cloudai.report.marks import Mark, marks_of
from cloudai.report.morphing import morph, save_morph
from cloudai.report.one_card import card
from cloudai.report.page import Tile
from cloudai.report.picture_sets import save_drawings, save_faces, save_sheet
from cloudai.report.plots.plot_page import plot_script, plot_style
from cloudai.report.plots.plotting import Plot, plot, save_plots
from cloudai.report.recipes import Finding, card_news, portrait_gallery
from cloudai.report.subjects import Subject, subjects_of
from cloudai.report.workbook import save_workbook

__all__ = [
    "Finding",
    "Mark",
    "MissingFontError",
    "Plot",
    "Subject",
    "Tile",
    "card",
    "card_news",
    "cards",
    "contact_sheet",
    "crop",
    "draw",
    "find_font",
    "gallery",
    "marks_of",
    "morph",
    "plot",
    "plot_script",
    "plot_style",
    "portrait_gallery",
    "safe_name",
    "save_capabilities",
    "save_comparison",
    "save_drawings",
    "save_faces",
    "save_gif",
    "save_html",
    "save_moments",
    "save_morph",
    "save_mp4",
    "save_plots",
    "save_sheet",
    "save_timeline",
    "save_video",
    "save_webp",
    "save_workbook",
    "strip",
    "subjects_of",
]

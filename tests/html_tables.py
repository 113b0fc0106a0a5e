"""A page's tables and texts, read as a browser without a style sheet would."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Reads a page.

    Attributes:
        tables: By the tables' labels, their rows of cells.
        images: For each image its attributes.
        text: All text.
    """

    def __init__(self, html):
        super().__init__()
        self.tables, self.images, self.text = {}, [], ""
        self._rows = self._cell = None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self._rows = self.tables.setdefault(dict(attributes)["aria-label"], [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._cell = ""
        elif tag == "img":
            self.images.append(dict(attributes))

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._rows[-1].append(self._cell)
            self._cell = None

    def handle_data(self, data):
        self.text += data
        if self._cell is not None:
            self._cell += data

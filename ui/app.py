"""The order of the pages. Streamlit runs this file from top to bottom for every interaction."""

from __future__ import annotations

import streamlit as st

from ui.style import CSS, ICON, LOGO, TITLE
from ui.views import ask, documents
from ui.views.frame import foot

st.set_page_config(page_title=TITLE, page_icon=ICON, layout="centered", initial_sidebar_state="collapsed")
st.logo(LOGO, size="large")
st.html(CSS)
DOCUMENTS = st.Page(documents.show, title="Documents", url_path="documents", icon=":material/folder_open:")
ASK = st.Page(lambda: ask.show(DOCUMENTS), title="Ask", url_path="ask", icon=":material/forum:", default=True)
st.navigation([ASK, DOCUMENTS], position="top").run()
foot()

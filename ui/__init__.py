"""What the pages share: the only package beside them that knows Streamlit."""

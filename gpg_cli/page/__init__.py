"""What self-contained HTML pages share: the frame, the style, bars, and mathematics among text."""

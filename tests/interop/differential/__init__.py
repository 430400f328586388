"""Generated dialplans, played on a stock Asterisk 22 and on pbx beside each other; what differs is shown."""

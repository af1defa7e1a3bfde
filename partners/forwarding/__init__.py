"""From a change of an alert to the mail or webhook of everyone entitled to hear of it."""

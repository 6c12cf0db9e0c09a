"""The room of chapter 13: schedules, decay, dropout, wrong labels, early stopping and double descent."""

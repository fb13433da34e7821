lab_drop_in() { :; }

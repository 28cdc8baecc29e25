"""What an environment costs a month: counted in its templates, at the prices of a dated table, without network."""

"""Development tools beside the app: rehearsal, disaster drill, pictures, bench."""

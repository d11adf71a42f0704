"""Trajectories generated with GFN2-xTB, Bannwarth et al. 2019, doi 10.1021/acs.jctc.8b01176."""

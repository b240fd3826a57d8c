"""The nodes, RViz, and a recording that is played to them.

ros2 launch locate3d_ros demo.launch.py recording:=/path/to/recording query:="the white mug"
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription, TimerAction
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PythonExpression
from launch_ros.actions import Node

from launch import LaunchDescription

LAUNCH = Path(__file__).resolve().parent
QUERY_AFTER = 20.0  # seconds of mapping before the question


def generate_launch_description():
    query = LaunchConfiguration("query")
    message = ["{data: '", query, "'}"]
    publish = ["ros2", "topic", "pub", "--once", "/locate3d/localization/query", "std_msgs/msg/String", message]
    return LaunchDescription(
        [
            DeclareLaunchArgument("recording", description="rosbag2, 7-Scenes, TUM or plain folder"),
            DeclareLaunchArgument("rate", default_value="3", description="frames per second"),
            DeclareLaunchArgument("query", default_value="", description="what to look for; empty: nothing"),
            DeclareLaunchArgument("rviz", default_value="true", description="open RViz as well"),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(LAUNCH / "locate3d.launch.py")),
                launch_arguments={"rviz": LaunchConfiguration("rviz")}.items(),
            ),
            Node(
                package="locate3d_ros",
                executable="play_recording",
                output="screen",
                arguments=[LaunchConfiguration("recording"), "--rate", LaunchConfiguration("rate")],
            ),
            TimerAction(
                period=QUERY_AFTER,
                actions=[ExecuteProcess(cmd=publish, output="log")],
                condition=IfCondition(PythonExpression(["'", query, "' != ''"])),
            ),
        ]
    )
